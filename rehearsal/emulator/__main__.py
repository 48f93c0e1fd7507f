"""Runs the emulated AWS on loopback until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import signal

import uvicorn
import uvloop

from rehearsal.emulator import (
    clock,
    control,
    faults,
    host,
    host_eks,
    host_resources,
    image_functions,
    images,
    kubernetes,
    network,
    recorded,
)
from rehearsal.emulator.alarms import Watch
from rehearsal.emulator.autoscaling.service import AutoScaling
from rehearsal.emulator.builds.service import CodeBuild
from rehearsal.emulator.control import Control
from rehearsal.emulator.sagemaker.dataplane import DataPlane
from rehearsal.emulator.sagemaker.service import SageMaker
from rehearsal.emulator.workflows import delivery, functions, machines, tasks


async def run() -> None:
    """Answers until SIGTERM or SIGINT, then ends every process that it started."""
    clock.start()
    host.count_loopback_as_secure()
    host.name_log_streams()
    host_resources.register()
    host.accept_signatures_of([clock.outside, clock.now])
    host.date_answers_by(clock.outside)
    sagemaker = SageMaker()
    sagemaker.register()
    images.registry.register()
    control.add("findings", images.registry.wants)
    builds = CodeBuild()
    builds.register()
    image_functions.register()
    tasks.register()
    machines.register()
    delivery.register()
    functions.register()
    scaling = AutoScaling()
    scaling.register()
    alarms = Watch(scaling.scaler.act)
    alarms.register()
    # First what the alarms judge, then what they call, then what goes by the clock.
    clock.each_minute(alarms.each_minute)
    clock.each_minute(scaling.actions.each_minute)
    network.register()
    host_eks.register()
    kubernetes.register()
    clock.follow()
    recorded.register()
    faults.register()

    config = uvicorn.Config(
        Control(DataPlane(host.application(), sagemaker.runtime)),
        host="127.0.0.1",
        port=int(os.environ["GATEWAY_PORT"]),
        http="httptools",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # The server raises the signal that has ended it once more: not before all is stopped.
        signal.signal(number, lambda *_: None)
    server = uvicorn.Server(config)
    watch = asyncio.create_task(end_with_parent(server))
    try:
        await server.serve()
    finally:
        watch.cancel()
        sagemaker.stop_all()
        builds.stop_all()
        images.clean()
        await sagemaker.runtime.calls.close()


async def end_with_parent(server: uvicorn.Server) -> None:
    """Stops the server when whoever started it is gone, however that ended."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1)
    server.should_exit = True


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
