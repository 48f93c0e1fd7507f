"""Dockerfiles without Docker: what a stage copies, and what it says of the container.

RUN is not executed: what it would install comes from the environment that runs the image.
Files that a .dockerignore leaves out are not there any more: CDK leaves them out of the asset.
Source: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::-(?P<default>[^}]*))?\}|(?P<bare>\w+))")
RECORDED = {"USER": "User", "STOPSIGNAL": "StopSignal"}
WITHOUT_EFFECT = ("HEALTHCHECK", "SHELL", "VOLUME")


class DockerfileError(Exception):
    """Docker would not build this; the text says why."""


@dataclass
class Stage:
    """What a build stage has come to.

    Attributes:
        root: Folder that stands for its file system.
        config: The container's configuration, as in an OCI image.
        skipped: What was not executed.
    """

    root: Path
    config: dict[str, Any] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)


def build(
    context: Path,
    dockerfile: Path,
    folder: Path,
    *,
    target: str | None = None,
    arguments: dict[str, str] | None = None,
) -> Stage:
    """Returns a Dockerfile's last stage, or the one that is named.

    Args:
        context: Folder that COPY copies from.
        dockerfile: The file.
        folder: Empty; receives the stages' file systems.
        target: Name of the stage.
        arguments: Values of ARGs.

    Raises:
        DockerfileError: An instruction cannot be followed, or there is no such stage.
    """
    return _Build(context, folder, arguments or {}).run(
        list(instructions(dockerfile.read_text(encoding="utf-8"))), target
    )


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yields each instruction with its arguments, continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\[ \t]*\n", " ", "\n".join(lines))
    for line in whole.splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name.upper(), rest.strip()


class _Build:
    def __init__(self, context: Path, folder: Path, arguments: dict[str, str]) -> None:
        self.context = context
        self.folder = folder
        self.given = arguments
        self.stages: dict[str, Stage] = {}
        self.all: list[Stage] = []
        self.globals: dict[str, str] = {}
        self.arguments: dict[str, str] = {}

    def run(self, found: list[tuple[str, str]], target: str | None) -> Stage:
        """Builds the stages that the target stands on, in their order."""
        stages: list[list[tuple[str, str]]] = []
        for name, rest in found:
            if name == "FROM":
                stages.append([])
            if stages:
                stages[-1].append((name, rest))
            elif name == "ARG":
                self._argument(rest)
            else:
                raise DockerfileError(f"no build stage in current context: {name} before FROM")
        if not stages:
            raise DockerfileError("the Dockerfile has no stage")
        names = [self._named(stage[0][1]) for stage in stages]
        if target is not None and target.lower() not in names:
            raise DockerfileError(f"target stage {target!r} could not be found")
        last = names.index(target.lower()) if target else len(stages) - 1
        for number in sorted(self._needed(stages, names, last)):
            for name, rest in stages[number]:
                self._follow(name, rest)
        return self.all[-1]

    def _needed(
        self, stages: list[list[tuple[str, str]]], names: list[str], number: int
    ) -> set[int]:
        needed = {number}
        for name, rest in stages[number]:
            origin = ""
            if name == "FROM":
                origin = self._words(rest)[0].lower()
            elif name == "COPY" and (match := re.search(r"--from=(\S+)", rest)):
                origin = match[1].lower()
            if origin and origin in names[:number]:
                needed |= self._needed(stages, names, names.index(origin))
        return needed

    def _words(self, rest: str) -> list[str]:
        filled = self._filled(rest, self.globals)
        return [word for word in filled.split() if not word.startswith("--")]

    def _named(self, rest: str) -> str:
        words = self._words(rest)
        return words[2].lower() if len(words) > 2 else ""  # noqa: PLR2004 - FROM base AS name

    def _from(self, rest: str) -> None:
        base = self.stages.get(self._words(rest)[0].lower())
        stage = Stage(self.folder / f"stage-{len(self.all)}")
        if base:
            shutil.copytree(base.root, stage.root, symlinks=True)
            stage.config, stage.skipped = deepcopy(base.config), list(base.skipped)
        else:
            stage.root.mkdir()
            stage.skipped.append(f"FROM {self._words(rest)[0]}")
        self.arguments = {}
        self.all.append(stage)
        self.stages[self._named(rest) or str(len(self.all))] = stage

    def _argument(self, rest: str) -> None:
        name, has_default, default = rest.partition("=")
        value = self.given.get(name, default if has_default else self.globals.get(name, ""))
        (self.arguments if self.all else self.globals)[name] = value

    def _follow(self, name: str, rest: str) -> None:
        if name == "FROM":
            self._from(rest)
            return
        if name == "ARG":
            self._argument(rest)
            return
        stage = self.all[-1]
        config = stage.config
        known = {**self.arguments, **environment(config)}
        if name == "RUN":
            stage.skipped.append(f"RUN {rest}")
        elif name in ("COPY", "ADD"):
            self._copy(stage, shlex.split(self._filled(rest, known)))
        elif name == "ENV":
            merged = {**environment(config), **_pairs(self._filled(rest, known))}
            config["Env"] = [f"{key}={value}" for key, value in merged.items()]
        elif name == "LABEL":
            config["Labels"] = {**config.get("Labels", {}), **_pairs(rest)}
        elif name == "WORKDIR":
            config["WorkingDir"] = self._filled(rest, known)
            _inside(stage.root, config["WorkingDir"]).mkdir(parents=True, exist_ok=True)
        elif name in ("ENTRYPOINT", "CMD"):
            config[name.capitalize()] = _command(rest)
        elif name == "EXPOSE":
            config.setdefault("ExposedPorts", {})[f"{rest}/tcp"] = {}
        elif name in RECORDED:
            config[RECORDED[name]] = self._filled(rest, known)
        elif name not in WITHOUT_EFFECT:
            raise DockerfileError(f"unknown instruction: {name}")

    def _copy(self, stage: Stage, words: list[str]) -> None:
        options = dict(word[2:].partition("=")[::2] for word in words if word.startswith("--"))
        *sources, target = [word for word in words if not word.startswith("--")]
        origin = self.stages.get(options.get("from", "").lower())
        if "from" in options and origin is None:
            raise DockerfileError(f"COPY --from={options['from']}: there is no such stage")
        start = origin.root if origin else self.context
        files = [file for source in sources for file in sorted(start.glob(source.lstrip("/")))]
        if not files:
            if origin and origin.skipped:  # something that only RUN would have made
                stage.skipped.append(f"COPY {' '.join(words)}")
                return
            raise DockerfileError(f'failed to compute cache key: "/{sources[0]}": not found')
        place = _inside(stage.root, target, stage.config.get("WorkingDir", "/"))
        for file in files:
            if file.is_dir():
                shutil.copytree(file, place, dirs_exist_ok=True)
                continue
            into = target.endswith("/") or len(files) > 1 or place.is_dir()
            whole = place / file.name if into else place
            whole.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, whole)

    def _filled(self, text: str, known: dict[str, str]) -> str:
        def value(match: re.Match[str]) -> str:
            name = match["braced"] or match["bare"]
            return known.get(name) or match["default"] or ""

        return VARIABLE.sub(value, text)


def environment(config: dict[str, Any]) -> dict[str, str]:
    """Returns an image's variables."""
    return dict(line.partition("=")[::2] for line in config.get("Env", []))


def _pairs(rest: str) -> dict[str, str]:
    words = shlex.split(rest)
    if "=" not in words[0]:  # the old form: ENV name value
        return {words[0]: " ".join(words[1:])}
    return dict(word.partition("=")[::2] for word in words)


def _command(rest: str) -> list[str]:
    return [*json.loads(rest)] if rest.startswith("[") else ["/bin/sh", "-c", rest]


def _inside(root: Path, path: str, start: str = "/") -> Path:
    whole = Path("/", start, path)
    if ".." in whole.parts:
        raise DockerfileError(f"{path} leads out of the image")
    return root / whole.relative_to("/")
