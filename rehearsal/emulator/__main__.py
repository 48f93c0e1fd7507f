"""Runs the emulated AWS on loopback until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal

from hypercorn.asyncio import serve
from hypercorn.config import Config

from rehearsal.emulator import alarms, clock, control, faults, host, images, recorded
from rehearsal.emulator.builds.service import CodeBuild
from rehearsal.emulator.control import Control
from rehearsal.emulator.sagemaker.dataplane import DataPlane
from rehearsal.emulator.sagemaker.service import SageMaker


async def run() -> None:
    """Answers until SIGTERM or SIGINT, then ends every process that it started."""
    clock.start()
    host.count_loopback_as_secure()
    host.name_log_streams()
    host.accept_signatures_of([clock.outside, clock.now])
    sagemaker = SageMaker()
    sagemaker.register()
    images.registry.register()
    control.add("findings", images.registry.wants)
    builds = CodeBuild()
    builds.register()
    alarms.start()
    recorded.register()
    faults.register()

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    config = Config()
    config.bind = [f"127.0.0.1:{os.environ['GATEWAY_PORT']}"]
    config.loglevel = "WARNING"
    config.graceful_timeout = 1
    try:
        await serve(
            Control(DataPlane(host.application(), sagemaker.runtime)),
            config,
            shutdown_trigger=stopped.wait,
        )
    finally:
        sagemaker.endpoints.stop_all()
        builds.stop_all()
        images.clean()


if __name__ == "__main__":
    asyncio.run(run())
