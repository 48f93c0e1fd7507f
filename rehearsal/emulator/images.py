"""Images of the emulated registry, run as processes: their sources, their command, their variables.

Whoever pulls one needs the permissions for that. What a Dockerfile's RUN would have installed is
taken from the environment that runs it.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.emulator import host, repositories
from rehearsal.emulator.builds.dockerfile import environment
from rehearsal.emulator.registry import Registry

PYTHON = os.environ.get("REHEARSAL_PYTHON", "python")
"""Interpreter of the environment that has the models' libraries."""

ROOT = Path(__file__).parents[2]
URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/"
    r"(?P<repository>[^:@]+)(?:@(?P<digest>sha256:[0-9a-f]{64})|:(?P<tag>[^@]+))?"
)
MODEL = "opt/ml/model"

registry = Registry()

_folder = Path(tempfile.mkdtemp(prefix="images-"))
_unpacking = threading.Lock()


class ImageError(Exception):
    """An image cannot be had, or not be run; the text says why."""


@dataclass(frozen=True)
class Image:
    """An image of which the sources are here.

    Attributes:
        root: Folder that stands for its file system.
        config: The container's configuration.
        architecture: Of the processor it is for: "amd64" or "arm64".
    """

    root: Path
    config: Mapping[str, Any]
    architecture: str

    def command(
        self, arguments: Sequence[str] | None = None, entry_point: Sequence[str] | None = None
    ) -> list[str]:
        """Returns what its container runs, here.

        Args:
            arguments: In place of its own CMD, as SageMaker gives "serve".
            entry_point: In place of its own ENTRYPOINT.

        Raises:
            ImageError: Its program is not Python: the others are not here.
        """
        entry = list(entry_point or self.config.get("Entrypoint") or [])
        given = self.config.get("Cmd") if arguments is None else arguments
        whole = [*entry, *(given or [])]
        if not whole or not re.fullmatch(r"(/usr(/local)?/bin/)?python3?(\.\d+)?", whole[0]):
            program = whole[0] if whole else "nothing"
            raise ImageError(f"The image runs {program}: a rehearsal runs Python programs.")
        return [PYTHON, *whole[1:]]

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels, some of which tell what it is capable of."""
        return dict(self.config.get("Labels", {}))

    @property
    def folder(self) -> Path:
        """Where its program starts."""
        return self.root / str(self.config.get("WorkingDir", "/")).lstrip("/")

    @property
    def environment(self) -> dict[str, str]:
        """Its variables, paths in them as they are here."""
        return {
            "PATH": os.environ.get("PATH", ""),
            "SM_MODEL_DIR": str(self.root / MODEL),
            **{name: self._here(value) for name, value in environment(dict(self.config)).items()},
        }

    def _here(self, value: str) -> str:
        if not value.startswith("/"):
            return value
        parts = [self.root / part.lstrip("/") for part in value.split(":")]
        return os.pathsep.join(str(part) for part in parts if part.exists())


def known(uri: str) -> bool:
    """Returns whether an image lies in a repository of this account."""
    match = URI.fullmatch(uri)
    return bool(match and match["account"] == host.ACCOUNT)


def pull(uri: str, ecr: Any) -> Image:
    """Returns an image that somebody pulls.

    Args:
        uri: Of the image.
        ecr: Client of ECR with the permissions of whoever pulls.

    Raises:
        ImageError: They may not, or there is no such image.
    """
    name, wanted = _named(uri)
    try:
        ecr.get_authorization_token()
        found = ecr.batch_get_image(repositoryName=name, imageIds=[wanted])["images"]
        if not found:
            raise ImageError(f"Requested image {uri} not found.")
        manifest = json.loads(found[0]["imageManifest"])
        for layer in manifest["layers"]:
            ecr.get_download_url_for_layer(repositoryName=name, layerDigest=layer["digest"])
    except ClientError as error:
        raise ImageError(f"The image {uri} cannot be pulled: {error}") from None
    return _unpacked(name, manifest)


def pull_as_service(uri: str, *, service: str, source_arn: str) -> Image:
    """Returns an image that a service pulls by the repository's policy.

    Raises:
        ImageError: The policy does not let it, or there is no such image.
    """
    name, wanted = _named(uri)
    for action in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
        if not repositories.admits(name, service, action, source_arn):
            raise ImageError(
                f"{service} does not have permission to access the ECR image {uri}. Check the ECR "
                f"permissions: {action} for {source_arn}."
            )
    image = repositories.find(name, wanted) if repositories.exists(name) else None
    if image is None:
        raise ImageError(f"Source image {uri} does not exist. Provide a valid source image.")
    return _unpacked(name, json.loads(image["imageManifest"]))


def clean() -> None:
    """Removes what was unpacked."""
    shutil.rmtree(_folder, ignore_errors=True)


def _named(uri: str) -> tuple[str, dict[str, str]]:
    match = URI.fullmatch(uri)
    if match is None or match["account"] != host.ACCOUNT:
        raise ImageError(f"The image {uri} is not in a registry that a rehearsal has.")
    if match["digest"]:
        return match["repository"], {"imageDigest": match["digest"]}
    return match["repository"], {"imageTag": match["tag"] or "latest"}


def _unpacked(name: str, manifest: dict[str, Any]) -> Image:
    """Unpacks an image once."""
    digest = manifest["config"]["digest"]
    config = json.loads(registry.layer(name, digest))
    root = _folder / digest.partition(":")[2]
    with _unpacking:
        if not root.exists():
            for layer in manifest["layers"]:
                content = io.BytesIO(registry.layer(name, layer["digest"]))
                with tarfile.open(fileobj=content, mode="r:gz") as archive:
                    archive.extractall(root, filter="data")
    return Image(root, config["config"], config["architecture"])
