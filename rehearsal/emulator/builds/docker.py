"""The `docker` of a build: logs in, builds an image of sources, pushes it into the registry.

What it pushes is an image with a manifest, a configuration and one layer, in the calls and with
the permissions that a push takes; what it does not do stands in the build's log.
Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from rehearsal.emulator.builds.dockerfile import DockerfileError, build

STATE = Path(os.environ["REHEARSAL_DOCKER"])
"""Folder of this build's Docker: who is logged in, and which images there are."""

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def main(arguments: list[str]) -> int:
    """Runs a command and returns its exit code."""
    parser = argparse.ArgumentParser(prog="docker")
    commands = parser.add_subparsers(dest="command", required=True)
    login = commands.add_parser("login")
    login.add_argument("--username", required=True)
    login.add_argument("--password-stdin", action="store_true", required=True)
    login.add_argument("registry")
    building = commands.add_parser("build")
    building.add_argument("--provenance")
    building.add_argument("--file", default="Dockerfile")
    building.add_argument("--target")
    building.add_argument("--build-arg", action="append", default=[])
    building.add_argument("--tag", required=True)
    building.add_argument("context", type=Path)
    pushing = commands.add_parser("push")
    pushing.add_argument("image")
    asked = parser.parse_args(arguments)
    try:
        return {"login": log_in, "build": build_image, "push": push}[asked.command](asked)
    except (ClientError, DockerfileError, OSError) as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return 1


def log_in(asked: argparse.Namespace) -> int:
    """Keeps a token of the registry."""
    token = sys.stdin.read().strip()
    if not token:
        sys.stderr.write("Error: password is empty\n")
        return 1
    _file(asked.registry).write_text(base64.b64encode(token.encode()).decode())
    sys.stdout.write("Login Succeeded\n")
    return 0


def build_image(asked: argparse.Namespace) -> int:
    """Makes an image of what the Dockerfile copies and sets."""
    with tempfile.TemporaryDirectory() as folder:
        stage = build(
            asked.context,
            asked.context / asked.file,
            Path(folder),
            target=asked.target,
            arguments=dict(each.partition("=")[::2] for each in asked.build_arg),
        )
        for each in stage.skipped:
            sys.stdout.write(f"not executed in a rehearsal: {each}\n")
        plain = _archive(stage.root)
    layer = gzip.compress(plain, mtime=0)
    config = {
        "architecture": os.environ["REHEARSAL_ARCHITECTURE"],
        "os": "linux",
        "config": stage.config,
        "rootfs": {"type": "layers", "diff_ids": [digest(plain)]},
    }
    image = _file(asked.tag)
    image.mkdir(parents=True, exist_ok=True)
    (image / "layer").write_bytes(layer)
    (image / "config").write_text(json.dumps(config, sort_keys=True))
    sys.stdout.write(f"{asked.tag}: an image of its sources, {len(layer)} bytes\n")
    return 0


def push(asked: argparse.Namespace) -> int:
    """Uploads an image that was built here."""
    name, _, tag = asked.image.rpartition(":")
    registry, _, repository = name.partition("/")
    image = _file(asked.image)
    if not image.is_dir():
        sys.stderr.write(f"An image does not exist locally with the tag: {name}\n")
        return 1
    if not _file(registry).exists():
        sys.stderr.write("no basic auth credentials\n")
        return 1
    ecr = boto3.client("ecr")
    blobs = [(image / name).read_bytes() for name in ("config", "layer")]
    for blob in blobs:
        _upload(ecr, repository, blob)
    (config, layer) = blobs
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "size": len(config), "digest": digest(config)},
        "layers": [{"mediaType": LAYER, "size": len(layer), "digest": digest(layer)}],
    }
    told = ecr.put_image(
        repositoryName=repository,
        imageManifest=json.dumps(manifest, indent=3),
        imageManifestMediaType=MANIFEST,
        imageTag=tag,
    )
    sys.stdout.write(f"{tag}: digest: {told['image']['imageId']['imageDigest']}\n")
    return 0


def _upload(ecr: Any, repository: str, blob: bytes) -> None:
    name = digest(blob)
    (layer,) = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[name])[
        "layers"
    ]
    if layer["layerAvailability"] == "AVAILABLE":
        return
    begun = ecr.initiate_layer_upload(repositoryName=repository)
    for start in range(0, len(blob), begun["partSize"]):
        part = blob[start : start + begun["partSize"]]
        ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=begun["uploadId"],
            partFirstByte=start,
            partLastByte=start + len(part) - 1,
            layerPartBlob=part,
        )
    ecr.complete_layer_upload(
        repositoryName=repository, uploadId=begun["uploadId"], layerDigests=[name]
    )


def digest(content: bytes) -> str:
    """Returns the name of some content in a registry."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _archive(root: Path) -> bytes:
    """Returns a folder as a tar that depends on its content alone."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in sorted(root.rglob("*")):
            member = archive.gettarinfo(file, str(file.relative_to(root)))
            member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "", ""
            member.mode = 0o755 if file.is_dir() else 0o644
            if file.is_file():
                with file.open("rb") as content:
                    archive.addfile(member, content)
            else:
                archive.addfile(member)
    return buffer.getvalue()


def _file(name: str) -> Path:
    return STATE / name.replace("/", "%")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
