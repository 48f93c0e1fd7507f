"""Amazon States Language: its validator, and JSONata by the library that Step Functions follows."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
UUID = "6a1c1b0e-4a53-4a7c-9d54-2f7f0f8f5a10"

_EVALUATE = r"""
const { createHash } = require("crypto");
const jsonata = require("jsonata");
async function evaluate(value, bindings) {
  if (Array.isArray(value)) return Promise.all(value.map((item) => evaluate(item, bindings)));
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).map(async ([k, v]) => [k, await evaluate(v, bindings)]);
    return Object.fromEntries(await Promise.all(entries));
  }
  const found = typeof value === "string" && value.match(/^\{%([^]*)%\}$/);
  if (!found) return value;
  const expression = jsonata(found[1]);
  expression.registerFunction("uuid", () => "UUID");
  expression.registerFunction("parse", (text) => JSON.parse(text));
  expression.registerFunction("hash", (text) => createHash("sha256").update(text).digest("hex"));
  if (bindings.clock) expression.registerFunction("millis", () => bindings.clock);
  const result = await expression.evaluate(undefined, bindings);
  // In a state machine this is States.QueryEvaluationError.
  if (result === undefined) throw new Error(found[1] + " returned nothing (undefined)");
  return result;
}
async function answer({ value, bindings }) {
  try {
    return { value: await evaluate(value, bindings) };
  } catch (error) {
    return { error: error.message };
  }
}
const lines = require("readline").createInterface({ input: process.stdin });
lines.on("line", async (line) =>
  console.log(JSON.stringify(await Promise.all(JSON.parse(line).map(answer)))));
""".replace("UUID", UUID)


def node() -> str:
    """Returns the path of Node."""
    assert (ROOT / "node_modules" / "jsonata").is_dir(), "run `npm ci` first"
    found = shutil.which("node")
    assert found, "node is not on the PATH"
    return found


def validated(definition: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """Returns what asl-validator says of a definition."""
    file = folder / "definition.json"
    file.write_text(json.dumps(definition))
    command = ROOT / "node_modules" / ".bin" / "asl-validator"
    return subprocess.run(
        [node(), str(command), "--json-path", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def evaluated(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns what each request's value becomes with its bindings: one process for all of them."""
    result = subprocess.run(
        [node(), "-e", _EVALUATE],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    answers: list[dict[str, Any]] = json.loads(result.stdout)
    return answers


class Evaluator:
    """JSONata in one process for many requests, one after the other."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [node(), "-e", _EVALUATE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def __call__(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Returns what each request's value becomes with its bindings."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(requests) + "\n")
        self._process.stdin.flush()
        answers: list[dict[str, Any]] = json.loads(self._process.stdout.readline())
        return answers

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate(timeout=10)
