"""Regenerates the table of built-in container images from the SageMaker Python SDK.

    python scripts/refresh_images.py [--check] [--sdk-version VERSION]

The SDK is downloaded and read, never installed or imported. With --check nothing is written.
Exit codes: 0 done or up to date, 1 the committed table differs, 2 the source cannot be used.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[1] / "constructs/mla_constructs/inference/built_in_images.json"

# The package of https://github.com/aws/sagemaker-python-sdk that carries the image tables.
DISTRIBUTION = "sagemaker-core"
SDK_VERSION = "2.27.0"
MEMBER = "sagemaker/core/image_uri_config/{algorithm}.json"

# The newest version with security patches, by
# https://docs.aws.amazon.com/sagemaker/latest/dg/pre-built-containers-support-policy.html
TAGS = {"xgboost": "3.2-0"}

# Regions of the partition `aws`; those of the others have a longer or another first part.
COMMERCIAL_REGION = re.compile(r"(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-\d+")
ACCOUNT = re.compile(r"\d{12}")


class SourceError(Exception):
    """Why the SDK cannot be used, in one sentence."""


def download(version: str, folder: Path) -> Path:
    """Downloads the SDK's wheel and returns its path."""
    requirement = f"{DISTRIBUTION}=={version}"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--only-binary=:all:", "--retries=1", "--dest", str(folder)]
    done = subprocess.run(
        [*pip, "download", *options, requirement], capture_output=True, text=True, check=False
    )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise SourceError(
            f"{requirement} could not be downloaded ({reason}): check the network and the version."
        )
    return wheels[0]


def read(wheel: Path, algorithm: str) -> dict[str, Any]:
    """Returns the SDK's image configuration of one algorithm."""
    member = MEMBER.format(algorithm=algorithm)
    try:
        with zipfile.ZipFile(wheel) as archive:
            configuration: dict[str, Any] = json.loads(archive.read(member))
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError) as error:
        raise SourceError(
            f"{wheel.name} has no readable {member}: choose another --sdk-version."
        ) from error
    return configuration


def image(configuration: dict[str, Any], algorithm: str, tag: str) -> dict[str, Any]:
    """Returns the repository, the tag and the registry account of each commercial region."""
    try:
        version = configuration["inference"]["versions"][tag]
        repository, registries = version["repository"], version["registries"].items()
    except (KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"The SDK knows no {algorithm} {tag}: choose another --sdk-version."
        ) from error
    accounts = {
        region: account
        for region, account in sorted(registries)
        if COMMERCIAL_REGION.fullmatch(region)
    }
    odd = [region for region, account in accounts.items() if not ACCOUNT.fullmatch(str(account))]
    if odd or not accounts:
        raise SourceError(
            f"The SDK's accounts for {algorithm} {tag} are not 12 digits in {odd or 'any region'}: "
            "choose another --sdk-version."
        )
    return {"repository": repository, "tag": tag, "accounts": accounts}


def table(version: str) -> dict[str, Any]:
    """Returns the whole table as this version of the SDK has it."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = download(version, Path(folder))
        images = {name: image(read(wheel, name), name, tag) for name, tag in TAGS.items()}
    return {
        "source": f"{DISTRIBUTION} {version}, {MEMBER.format(algorithm='<algorithm>')}",
        "read": datetime.now(UTC).date().isoformat(),
        "images": images,
    }


def flat(images: dict[str, Any]) -> dict[str, str]:
    """Returns every value of the images by its path, such as "xgboost accounts us-east-1"."""
    values: dict[str, str] = {}
    for algorithm, fields in images.items():
        values[f"{algorithm} repository"] = fields["repository"]
        values[f"{algorithm} tag"] = fields["tag"]
        for region, account in fields["accounts"].items():
            values[f"{algorithm} {region}"] = account
    return values


def differences(committed: dict[str, Any], fresh: dict[str, Any]) -> list[str]:
    """Returns one line for each value that differs; where and when it was read does not count."""
    old, new = flat(committed["images"]), flat(fresh["images"])
    return [
        f"{name}: {old.get(name, 'missing')} in the table, {new.get(name, 'missing')} in the SDK"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def committed_table() -> dict[str, Any]:
    """Returns the table in the repository, an empty one if there is none."""
    if not TABLE.exists():
        return {"images": {}}
    try:
        committed: dict[str, Any] = json.loads(TABLE.read_text())
        flat(committed["images"])
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{TABLE.name} is damaged: run this command without --check.") from error
    return committed


def write(content: dict[str, Any]) -> None:
    """Writes the whole table or nothing."""
    handle, name = tempfile.mkstemp(dir=TABLE.parent, prefix=".", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2) + "\n")
        temporary.chmod(0o644)
        temporary.replace(TABLE)
    finally:
        temporary.unlink(missing_ok=True)


def run(*, check: bool, version: str) -> int:
    """Checks or writes the table and returns the exit code."""
    fresh = table(version)
    if not check:
        write(fresh)
        print(f"{TABLE.name}: {len(flat(fresh['images']))} values from {fresh['source']}.")
        return 0
    different = differences(committed_table(), fresh)
    for line in different:
        print(line)
    return 1 if different else 0


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if it differs")
    parser.add_argument("--sdk-version", default=SDK_VERSION, help="default: %(default)s")
    arguments = parser.parse_args()
    try:
        return run(check=arguments.check, version=arguments.sdk_version)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
