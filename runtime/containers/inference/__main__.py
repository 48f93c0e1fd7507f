"""`serve` and `train`, the arguments that SageMaker starts a container with."""

from __future__ import annotations

import sys

import msgspec

from .log import log
from .settings import from_environment


def main(arguments: list[str]) -> int:
    """Runs a command and returns its exit code."""
    if arguments == ["train"]:
        from . import train  # XGBoost is not in the image that only serves

        return train.main()
    if arguments != ["serve"]:
        log("error", "The command has to be serve or train.")
        return 2
    try:
        settings = from_environment()
    except msgspec.ValidationError as error:
        log("error", f"An environment variable cannot work: {error}.")
        return 2
    from .server import serve

    return serve(settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
