"""What a job reads from S3 and writes to it, under its role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from botocore.exceptions import ClientError

from rehearsal.emulator import host, session
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.sagemaker.containers import PRINCIPAL
from rehearsal.emulator.sagemaker.jobs.errors import JobFailedError


@dataclass(frozen=True)
class Found:
    """An object below a prefix.

    Attributes:
        bucket: Where it lies.
        key: Its key.
        path: Its path below the prefix, or its name if the prefix is all of its key.
    """

    bucket: str
    key: str
    path: str

    @property
    def uri(self) -> str:
        """Its address."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class JobStorage:
    """S3 as a job sees it.

    Attributes:
        role_arn: Under which the job acts.
        source_arn: The job.
    """

    role_arn: str
    source_arn: str

    def find(self, uri: str) -> list[Found]:
        """Returns what lies below a prefix, in the order of the keys.

        Raises:
            JobFailedError: Nothing does, or the role may not look.
        """
        bucket, prefix = parts(uri)
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            keys = [o["Key"] for page in pages for o in page.get("Contents", [])]
        except ClientError:
            keys = []
        found = [Found(bucket, key, below(prefix, key)) for key in keys if not key.endswith("/")]
        if not found:
            raise JobFailedError(
                f'ClientError: No S3 objects found under S3 URL "{uri}" given in input data '
                "source. Please ensure that the bucket exists in the selected region "
                f"({host.REGION}), that objects exist under that S3 prefix, and that the role "
                f'"{self.role_arn}" has "s3:ListBucket" permissions on bucket "{bucket}".'
            )
        return found

    def read(self, uri: str) -> bytes:
        """Returns an object.

        Raises:
            JobFailedError: There is none, or the role may not read or decrypt it.
        """
        bucket, key = parts(uri)
        try:
            answer = self._s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            raise _failed("download", uri, error) from None
        self._require_key("kms:Decrypt", answer.get("SSEKMSKeyId"), uri)
        return bytes(answer["Body"].read())

    def download(self, uri: str, folder: Path) -> None:
        """Puts what lies below a prefix into a folder."""
        for found in self.find(uri):
            file = folder / found.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(self.read(found.uri))

    def write(self, uri: str, content: bytes, key_id: str | None) -> None:
        """Writes an object, encrypted with a key of KMS if one is named.

        Raises:
            JobFailedError: The role may not write it or use the key.
        """
        bucket, key = parts(uri)
        encryption: dict[str, Any] = {}
        if key_id:
            encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id}
        self._require_key("kms:GenerateDataKey", key_id, uri)
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=content, **encryption)
        except ClientError as error:
            raise _failed("upload", uri, error) from None

    def upload(self, folder: Path, uri: str, key_id: str | None) -> None:
        """Writes all files of a folder below a prefix."""
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            path = file.relative_to(folder).as_posix()
            self.write(f"{uri.rstrip('/')}/{path}", file.read_bytes(), key_id)

    @cached_property
    def _s3(self) -> Any:
        try:
            return session.as_role(
                "s3", self.role_arn, principal=PRINCIPAL, source_arn=self.source_arn
            )
        except NotAssumableError as error:
            raise JobFailedError(f"ClientError: {error}") from None

    def _require_key(self, action: str, key_id: str | None, uri: str) -> None:
        # The emulated S3 encrypts nothing, and asks nobody for a key.
        if not key_id or not key_id.startswith("arn:"):
            return
        try:
            denied = host.role_denial(
                self.role_arn,
                service=PRINCIPAL,
                source_arn=self.source_arn,
                action=action,
                resource=key_id,
                context={"kms:ViaService": f"s3.{host.REGION}.amazonaws.com"},
            )
        except NotAssumableError as error:
            raise JobFailedError(f"ClientError: {error}") from None
        if denied:
            raise JobFailedError(f"ClientError: {uri}: {denied}")


def parts(uri: str) -> tuple[str, str]:
    """Returns bucket and key of an address in S3."""
    location = urlparse(uri, allow_fragments=False)
    return location.netloc, location.path.lstrip("/")


def below(prefix: str, key: str) -> str:
    """Returns the path that a key has below a prefix, which need not end with a slash."""
    if key == prefix:
        return key.rpartition("/")[2]
    rest = key.removeprefix(prefix)
    if prefix.endswith("/") or rest.startswith("/") or not prefix:
        return rest.lstrip("/")
    return key.removeprefix(prefix.rpartition("/")[0]).lstrip("/")


def listed(storage: JobStorage, source: dict[str, str]) -> Iterator[Found]:
    """Yields the objects that an S3DataSource names: below a prefix, or in a manifest."""
    uri = source["S3Uri"]
    if source.get("S3DataType") != "ManifestFile":
        yield from storage.find(uri)
        return
    import json

    try:
        (head, *names) = json.loads(storage.read(uri))
        prefix = head["prefix"]
    except (ValueError, KeyError, TypeError) as error:
        raise JobFailedError(f"ClientError: Manifest {uri} is not valid: {error}") from None
    for name in names:
        bucket, key = parts(f"{prefix}{name}")
        yield Found(bucket, key, name)


def _failed(what: str, uri: str, error: ClientError) -> JobFailedError:
    detail = error.response["Error"]
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return JobFailedError(
        f"ClientError: Data {what} failed:{detail['Code']} ({status}): {detail.get('Message', '')}"
        f" ({uri})"
    )
