"""What MiniStack's ECR lacks: layers that stay, tags that can be removed, scans.

Nobody looks for vulnerabilities here: a scan finds what a rehearsal wants it to find, else nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from typing import Any

from rehearsal.emulator import clock, host, inventory, repositories
from rehearsal.emulator.api import Api, Record, ServiceError


class Registry(Api):
    """Operations of ECR in place of MiniStack's; the rest stays with it, permissions too."""

    service = "ecr"

    def __init__(self) -> None:
        super().__init__()
        self.pass_on = repositories.handler()
        self._layers: dict[tuple[str, str], bytes] = {}
        self._uploads: dict[str, bytearray] = {}
        self._scans: dict[tuple[str, str], Record] = {}
        self._wanted: dict[str, int] = {}

    def register(self) -> None:
        """Stands before MiniStack's ECR."""
        host.replace_handler("ecr", self.handle_request)
        inventory.watch("ecr.layers", self._kept)

    def wants(self, request: Record) -> Record:
        """Lets later scans find something: {"CRITICAL": 1}, or nothing again: {}."""
        self._wanted = {str(severity): int(number) for severity, number in request.items()}
        return dict(self._wanted)

    async def handle_request(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: Record
    ) -> host.Answer:
        """Answers what this class has an operation for."""
        name = headers.get("x-amz-target", "").rpartition(".")[2]
        if name in OWN:
            return await super().handle_request(method, path, headers, body, query)
        return await self.pass_on(method, path, headers, body, query)

    def authorize(self, access_key: str, name: str, request: Record) -> None:
        """MiniStack has asked IAM already: it knows the repositories' ARNs."""

    def layer(self, repository: str, digest: str) -> bytes:
        """Returns a layer or a configuration.

        Raises:
            KeyError: It was never pushed.
        """
        return self._layers[repository, digest]

    def batch_check_layer_availability(self, request: Record) -> Record:
        """Tells which layers are there."""
        name = self._repository(request)
        layers = []
        for digest in request["layerDigests"]:
            size = len(self._layers.get((name, digest), b""))
            there = "AVAILABLE" if (name, digest) in self._layers else "UNAVAILABLE"
            layers.append({"layerDigest": digest, "layerAvailability": there, "layerSize": size})
        return {"layers": layers, "failures": []}

    def initiate_layer_upload(self, request: Record) -> Record:
        """Begins an upload."""
        self._repository(request)
        upload = str(uuid.uuid4())
        self._uploads[upload] = bytearray()
        return {"uploadId": upload, "partSize": 20 * 2**20}

    def upload_layer_part(self, request: Record) -> Record:
        """Takes the next part of a layer."""
        content = self._upload(request)
        part = request["layerPartBlob"]
        part = base64.b64decode(part) if isinstance(part, str) else part
        if request["partFirstByte"] != len(content):
            raise ServiceError(
                "InvalidLayerPartException",
                f"The layer part's first byte has to be {len(content)}.",
            )
        content += part
        return {"uploadId": request["uploadId"], "lastByteReceived": len(content) - 1}

    def complete_layer_upload(self, request: Record) -> Record:
        """Keeps a layer whose content has the digest that it is said to have."""
        name, content = self._repository(request), bytes(self._upload(request))
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if not content:
            raise ServiceError("EmptyUploadException", "The upload contains no layer parts.")
        if digest not in request["layerDigests"]:
            raise ServiceError("InvalidLayerException", "The layer digest does not match.")
        self._layers[name, digest] = content
        del self._uploads[request["uploadId"]]
        return {"uploadId": request["uploadId"], "layerDigest": digest}

    def put_image(self, request: Record) -> Record:
        """Keeps a manifest whose layers are there; a repository that scans on push does."""
        name = self._repository(request)
        manifest = json.loads(request["imageManifest"])
        blobs = [manifest.get("config", {}), *manifest.get("layers", [])]
        missing = [b["digest"] for b in blobs if b and (name, b["digest"]) not in self._layers]
        if missing:
            raise ServiceError("LayersNotFoundException", f"The layers {missing} do not exist.")
        status, image = repositories.put(request)
        if status != OK:
            raise ServiceError(image["__type"], image["message"], status)
        if repositories.scans_on_push(name):
            digest = image["image"]["imageId"]["imageDigest"]
            self._scans.setdefault((name, digest), self._scan())
        return image

    def batch_delete_image(self, request: Record) -> Record:
        """Removes tags; an image goes with its last one, or by its digest."""
        name = self._repository(request)
        deleted: list[Record] = []
        failures: list[Record] = []
        for asked in request["imageIds"]:
            removed = repositories.remove(name, asked)
            deleted += removed
            if not removed:
                failures.append(
                    {
                        "imageId": asked,
                        "failureCode": "ImageNotFound",
                        "failureReason": "Requested image not found",
                    }
                )
        return {"imageIds": deleted, "failures": failures}

    def start_image_scan(self, request: Record) -> Record:
        """Scans an image, once a day at most."""
        name, digest = self._image(request)
        before = self._scans.get((name, digest))
        if before and (clock.now() - before["at"]).total_seconds() < DAY:
            raise ServiceError("LimitExceededException", "The scan quota per image was exceeded.")
        self._scans[name, digest] = self._scan()
        return {
            "repositoryName": name,
            "imageId": {"imageDigest": digest},
            "imageScanStatus": {"status": "IN_PROGRESS"},
        }

    def describe_image_scan_findings(self, request: Record) -> Record:
        """Tells what a scan found."""
        name, digest = self._image(request)
        scan = self._scans.get((name, digest))
        if scan is None:
            raise ServiceError(
                "ScanNotFoundException",
                f"Image scan does not exist for the image with '{digest}' in the repository with "
                f"name '{name}'",
            )
        return {
            "repositoryName": name,
            "imageId": {"imageDigest": digest},
            "imageScanStatus": {
                "status": "COMPLETE",
                "description": "The scan was completed successfully.",
            },
            "imageScanFindings": {
                "imageScanCompletedAt": scan["at"],
                "findings": [
                    {"name": f"REHEARSAL-{severity}-{number + 1}", "severity": severity}
                    for severity, count in scan["found"].items()
                    for number in range(count)
                ],
                "findingSeverityCounts": scan["found"],
            },
        }

    def _scan(self) -> Record:
        return {"at": clock.now(), "found": dict(self._wanted)}

    def _repository(self, request: Record) -> str:
        name = str(request["repositoryName"])
        if not repositories.exists(name):
            raise ServiceError(
                "RepositoryNotFoundException",
                f"The repository with name '{name}' does not exist in the registry with id "
                f"'{host.ACCOUNT}'",
            )
        return name

    def _image(self, request: Record) -> tuple[str, str]:
        name = self._repository(request)
        image: dict[str, Any] | None = repositories.find(name, request["imageId"])
        if image is None:
            raise ServiceError(
                "ImageNotFoundException",
                f"The image with imageId {request['imageId']} does not exist within the "
                f"repository with name '{name}' in the registry with id '{host.ACCOUNT}'",
            )
        return name, str(image["imageDigest"])

    def _upload(self, request: Record) -> bytearray:
        try:
            return self._uploads[request["uploadId"]]
        except KeyError:
            raise ServiceError(
                "UploadNotFoundException", f"There is no upload {request['uploadId']}."
            ) from None

    def _kept(self) -> dict[str, bytes]:
        """Returns the layers of repositories that are there: the others went with them."""
        for name, digest in list(self._layers):
            if not repositories.exists(name):
                del self._layers[name, digest]
        return {f"{name}@{digest}": blob for (name, digest), blob in self._layers.items()}


OK = 200
DAY = 86_400
OWN = {
    "BatchCheckLayerAvailability",
    "BatchDeleteImage",
    "CompleteLayerUpload",
    "DescribeImageScanFindings",
    "InitiateLayerUpload",
    "PutImage",
    "StartImageScan",
    "UploadLayerPart",
}
