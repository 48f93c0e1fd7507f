"""One rehearsal: deploy, use, destroy, and see that nothing is left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from catalogue.discover import ROOT, Architecture
from catalogue.template import Template
from rehearsal.account import EmulatedAccount
from rehearsal.errors import RehearsalError
from rehearsal.stage import DeployedStack, Stage
from rehearsal.toolkit import Toolkit

FOLDER = ROOT / ".mla" / "rehearsals"
"""Where logs stay after a rehearsal."""

ENDED = "ended"
"""What is told when a rehearsal is over."""

STAND_INS = {
    "Custom::BuiltImage": (
        "images that the stack builds",
        "their source, on this machine's packages; FROM and RUN were not executed",
    ),
    "sagemaker-xgboost:": (
        "SageMaker's XGBoost container",
        "a server and jobs of ours that keep its contract",
    ),
}
"""Text in what runs containers -> what is not to be had here, and what stands for it."""

RUNNING = ("AWS::SageMaker::", "AWS::StepFunctions::", "Custom::BuiltImage")
"""Types, by their beginning, that run containers in a rehearsal."""

Guest = Callable[[EmulatedAccount], None]
"""Somebody who is let into the account."""

Synthesize = Callable[[Mapping[str, str]], Path]
"""Options of the architecture -> the cloud assembly with its stack."""


def nobody(_: EmulatedAccount) -> None:
    """Lets nobody in."""


@dataclass
class Step:
    """A part of a rehearsal.

    Attributes:
        name: Such as "deploy".
        seconds: How long it took.
        problem: Why it failed; empty if it did not.
    """

    name: str
    seconds: float = 0.0
    problem: str = ""


@dataclass
class Outcome:
    """What a rehearsal showed.

    Attributes:
        slug: The architecture.
        steps: In their order, the last one failed if one did.
        seen: What the scenario showed.
        resources: CloudFormation type -> number in the template.
        recorded: Those of the types that are recorded only: created, without behaviour.
        stand_ins: What is not to be had here, and what stood for it.
        left: What was there after the stack was destroyed and not before it was deployed.
        log: Folder of the logs.
    """

    slug: str
    steps: list[Step] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    resources: dict[str, int] = field(default_factory=dict)
    recorded: set[str] = field(default_factory=set)
    stand_ins: list[tuple[str, str]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    log: Path = FOLDER

    @property
    def problem(self) -> str:
        """The first thing that went wrong; empty if nothing did."""
        return next((f"{step.name}: {step.problem}" for step in self.steps if step.problem), "")

    def seconds(self, name: str) -> float:
        """Returns how long a step took, 0 if it was not reached."""
        return sum(step.seconds for step in self.steps if step.name == name)


def scenario(architecture: Architecture) -> ModuleType | None:
    """Returns the module beside the stack that uses it, None if there is none."""
    name = f"{architecture.module}.scenario"
    return import_module(name) if find_spec(name) else None


class Rehearsal:
    """Rehearses one architecture in an account of its own.

    Args:
        architecture: Which one.
        template: Its synthesized template.
        synthesize: Gives its cloud assembly.
        tell: Hears of steps and progress.
    """

    def __init__(
        self,
        architecture: Architecture,
        template: Template,
        synthesize: Synthesize,
        tell: Callable[[str, str], None],
    ) -> None:
        self.architecture = architecture
        self.synthesize = synthesize
        self.tell = tell
        self.outcome = Outcome(architecture.slug, log=FOLDER / architecture.slug)
        for resource in template.resources.values():
            kinds = self.outcome.resources
            kinds[resource["Type"]] = kinds.get(resource["Type"], 0) + 1
        running = [r for r in template.resources.values() if r["Type"].startswith(RUNNING)]
        text = json.dumps(running)
        self.outcome.stand_ins = [known for sign, known in STAND_INS.items() if sign in text]
        self._step = ""
        self._account: EmulatedAccount | None = None

    def run(self, *, before: Guest = nobody, after: Guest = nobody) -> Outcome:
        """Rehearses; whatever fails is in the outcome, and the account is gone afterwards.

        Args:
            before: Called with the account when it is ready for the stack.
            after: Called with the account before the stack is destroyed.
        """
        folder = self.outcome.log
        folder.mkdir(parents=True, exist_ok=True)
        for log in folder.glob("*.log"):
            log.unlink()
        account = self._account = EmulatedAccount(folder)
        toolkit = Toolkit(account, folder, self._progress)
        try:
            with self._timed("start"):
                account.__enter__()
            self._in(account, toolkit, before, after)
        except RehearsalError:
            pass  # it stands in the outcome's steps
        finally:
            account.stop()
            self.tell(ENDED, "")
        return self.outcome

    def stop(self) -> None:
        """Ends a rehearsal that runs on another thread, and everything that it started."""
        if self._account is not None:
            self._account.stop()

    def _in(self, account: EmulatedAccount, toolkit: Toolkit, before: Guest, after: Guest) -> None:
        stack, assembly = self.architecture.stack_id, self.synthesize({})
        self.outcome.recorded = set(account.control("recorded")["types"])
        with self._timed("bootstrap"):
            toolkit.bootstrap(assembly)
        before(account)
        existing = account.control("inventory")["resources"]
        try:
            with self._timed("deploy"):
                outputs = toolkit.deploy(stack, assembly)
            module = scenario(self.architecture)
            if module is not None:
                with self._timed("scenario"):
                    self._perform(module, account, toolkit, outputs)
            after(account)
        except KeyboardInterrupt:
            account.stop()
            raise
        finally:
            # With the emulator everything is gone: there is nothing to destroy.
            if account.alive:
                self._tear_down(account, toolkit, assembly, existing)

    def _tear_down(
        self, account: EmulatedAccount, toolkit: Toolkit, assembly: Path, existing: list[str]
    ) -> None:
        # What is left is said of a failed destruction, too, but not after Ctrl-C.
        with suppress(RehearsalError), self._timed("destroy"):
            toolkit.destroy(self.architecture.stack_id, assembly)
        with self._timed("nothing left"):
            self._compare(existing, account.control("inventory")["resources"])

    def _perform(
        self,
        module: ModuleType,
        account: EmulatedAccount,
        toolkit: Toolkit,
        outputs: dict[str, str],
    ) -> None:
        stack = self.architecture.stack_id

        def redeploy(options: dict[str, str]) -> None:
            toolkit.deploy(stack, self.synthesize(options))

        deployed = DeployedStack(stack, outputs, account.client)
        stage = Stage(deployed, account, redeploy, self._progress, self.outcome.seen)
        try:
            module.rehearse(stage)
        except RehearsalError:
            raise
        except Exception as error:  # a scenario meets whatever a client meets
            raise RehearsalError(f"{type(error).__name__}: {error}") from error

    def _compare(self, existing: list[str], found: list[str]) -> None:
        known = set(existing)
        self.outcome.left = [resource for resource in found if resource not in known]
        if self.outcome.left:
            raise RehearsalError(f"{len(self.outcome.left)} resources are still there.")

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        step = Step(name)
        self.outcome.steps.append(step)
        self._step = name
        self.tell(name, "")
        started = time.monotonic()
        try:
            yield
        except RehearsalError as error:
            step.problem = str(error)
            raise
        finally:
            step.seconds = time.monotonic() - started

    def _progress(self, text: str) -> None:
        self.tell(self._step, text)


def used(outcome: Outcome) -> tuple[int, int]:
    """Returns how many resources behave and how many are recorded only."""
    recorded = sum(n for kind, n in outcome.resources.items() if kind in outcome.recorded)
    return sum(outcome.resources.values()) - recorded, recorded
