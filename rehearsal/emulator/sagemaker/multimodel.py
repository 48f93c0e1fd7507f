"""Multi-model containers: a model is fetched when it is asked for, and goes when room is needed.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/multi-model-endpoints.html
https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import time
from collections import OrderedDict
from pathlib import Path
from urllib.parse import urlparse

from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.calls import Calls, NoAnswerError
from rehearsal.emulator.sagemaker.containers import Container, ContainerError, fetch_artifact

HEADER = "x-amzn-sagemaker-target-model"
OK, LOADED_ALREADY, NO_ROOM = 200, 409, 507
LOADING_SECONDS = 60.0


class LoadedModels:
    """The models of one multi-model container, least recently used first.

    Args:
        container: The container.
        role_arn: Execution role, which fetches models.
        source_arn: The resource for which SageMaker acts.
        folder: Where artifacts are kept.
    """

    def __init__(
        self, container: Container, *, role_arn: str, source_arn: str, folder: Path
    ) -> None:
        self.container = container
        self.prefix = str(container.definition["ModelDataUrl"])
        self._acting = {"role_arn": role_arn, "source_arn": source_arn}
        self._folder = folder
        self._loaded: OrderedDict[str, str] = OrderedDict()
        self._loading = asyncio.Lock()
        settings = container.definition.get("MultiModelConfig", {})
        self.caches = settings.get("ModelCacheSetting", "Enabled") == "Enabled"

    @property
    def count(self) -> int:
        """How many models are in memory."""
        return len(self._loaded)

    async def path(self, calls: Calls, target: str, measured: dict[str, float]) -> str:
        """Returns where the container answers for a model, once it is loaded.

        Args:
            calls: Connections to containers.
            target: TargetModel of the request.
            measured: Receives the values of metrics.

        Raises:
            ServiceError: There is no such model, or it does not load.
        """
        began = time.perf_counter()
        # One model at a time: whoever waits for the same one finds it loaded.
        async with self._loading:
            measured["ModelCacheHit"] = float(target in self._loaded)
            if target not in self._loaded:
                await self._load(calls, target, measured)
            self._loaded.move_to_end(target)
        if not measured["ModelCacheHit"]:
            measured["ModelLoadingWaitTime"] = (time.perf_counter() - began) * 1e6
        return f"/models/{self._loaded[target]}/invoke"

    async def answered(self, calls: Calls, target: str, measured: dict[str, float]) -> None:
        """Lets a model go after its answer, if models are not to be kept."""
        async with self._loading:
            if not self.caches and target in self._loaded:
                await self._unload(calls, target, measured)

    async def _load(self, calls: Calls, target: str, measured: dict[str, float]) -> None:
        name = hashlib.sha256(target.encode()).hexdigest()[:32]
        folder = self._folder / name
        began = time.perf_counter()
        await asyncio.to_thread(self._fetch, target, folder)
        measured["ModelDownloadingTime"] = (time.perf_counter() - began) * 1e6
        body = json.dumps({"model_name": name, "url": str(folder)}).encode()
        began = time.perf_counter()
        while True:
            status, content = await self._call(calls, "POST", "/models", body, target)
            if status != NO_ROOM or not self._loaded:
                break
            await self._unload(calls, next(iter(self._loaded)), measured)
        if status not in (OK, LOADED_ALREADY):
            shutil.rmtree(folder, ignore_errors=True)
            code, http = ("ServiceUnavailable", 503) if status == NO_ROOM else ("ModelError", 424)
            raise ServiceError(code, f"Failed to load model {target}: {content.decode()}", http)
        measured["ModelLoadingTime"] = (time.perf_counter() - began) * 1e6
        self._loaded[target] = name

    async def _unload(self, calls: Calls, target: str, measured: dict[str, float]) -> None:
        name, began = self._loaded.pop(target), time.perf_counter()
        await self._call(calls, "DELETE", f"/models/{name}", b"", target)
        shutil.rmtree(self._folder / name, ignore_errors=True)
        measured["ModelUnloadingTime"] = (time.perf_counter() - began) * 1e6

    def _fetch(self, target: str, folder: Path) -> None:
        whole = f"{self.prefix.rstrip('/')}/{target.lstrip('/')}"
        place = urlparse(whole)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            if ".." in Path(target).parts:
                raise ContainerError("The name leads out of the prefix.")
            fetch_artifact(whole, folder, **self._acting)
        except ContainerError:
            shutil.rmtree(folder, ignore_errors=True)
            raise ServiceError(
                "ValidationError",
                f"Failed to download model data(bucket: {place.netloc}, key: "
                f"{place.path.lstrip('/')}). Please ensure that there is an object located at the "
                "URL and that the role passed to CreateModel has permissions to download the "
                "model.",
            ) from None

    async def _call(
        self, calls: Calls, method: str, path: str, body: bytes, target: str
    ) -> tuple[int, bytes]:
        headers = {"content-type": "application/json", HEADER: target}
        try:
            status, _, content = await calls.post(
                self.container.port, path, headers, body, LOADING_SECONDS, method=method
            )
        except (TimeoutError, NoAnswerError):
            raise ServiceError(
                "ModelNotReadyException", f"Model {target} is not ready: try again.", 429
            ) from None
        return status, content
