"""Lambda functions that are images: their program runs here, by Lambda's own runtime interface.

What is used of MiniStack's Lambda, private names included. Lambda pulls an image by the policy of
its repository, looks at it when the function is made, and runs it under the function's role.
"""

from __future__ import annotations

import io
import shlex
import zipfile
from typing import Any

from rehearsal.emulator import host, images
from rehearsal.emulator.images import Image, ImageError

from ministack.services import lambda_svc  # isort: skip
from ministack.services.cloudformation import provisioners  # isort: skip

Record = dict[str, Any]

PRINCIPAL = "lambda.amazonaws.com"
TYPE = "AWS::Lambda::Function"
ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}


def register() -> None:
    """Lets functions that are images be checked when they are made, and run."""
    run = lambda_svc._execute_function_docker

    def execute(function: Record, event: Any, request_id: str) -> Record:
        config = function.get("config") or function
        if config.get("PackageType") != "Image":
            return dict(run(function, event, request_id))
        try:
            program = bundle(config)
        except ImageError as error:
            told = {"errorMessage": str(error), "errorType": "Runtime.InvalidEntrypoint"}
            return {"body": told, "error": True, "log": ""}
        # Whatever program there is, MiniStack runs it as a custom runtime's.
        custom = {**config, "PackageType": "Zip", "Runtime": "provided.al2023"}
        return dict(
            lambda_svc._execute_function_provided_warm(
                {**function, "config": custom, "code_zip": program}, event, request_id
            )
        )

    lambda_svc._execute_function_docker = execute
    handlers = provisioners._RESOURCE_HANDLERS[TYPE]
    create, update = handlers["create"], handlers["update"]

    def created(logical_id: str, properties: Record, stack: str, *rest: Any) -> Any:
        require(properties)
        return create(logical_id, properties, stack, *rest)

    def updated(physical_id: str, old: Record, new: Record, stack: str, *rest: Any) -> Any:
        require(new)
        return update(physical_id, old, new, stack, *rest)

    handlers["create"], handlers["update"] = created, updated


def require(properties: Record) -> None:
    """Lets a function be made whose image Lambda can pull and its processor can run.

    Raises:
        ValueError: It is an image, and not such a one.
    """
    uri = properties.get("Code", {}).get("ImageUri")
    if not uri:
        return
    try:
        image = pulled(uri)
    except ImageError as error:
        raise ValueError(f"InvalidParameterValueException: {error}") from None
    wanted = ARCHITECTURES[properties.get("Architectures", ["x86_64"])[0]]
    if image.architecture != wanted:
        raise ValueError(
            f"The image is for {image.architecture}, the function for {wanted}: it would end with "
            "Runtime.InvalidEntrypoint."
        )


def pulled(uri: str) -> Image:
    """Returns an image that Lambda pulls.

    Raises:
        ImageError: It may not, or there is none.
    """
    source = f"arn:aws:lambda:{host.REGION}:{host.ACCOUNT}:function:any"
    return images.pull_as_service(uri, service=PRINCIPAL, source_arn=source)


def bundle(config: Record) -> bytes:
    """Returns a function's program as the package of a custom runtime: its bootstrap.

    Raises:
        ImageError: The image cannot be pulled, or does not run here.
    """
    image = pulled(config["ImageUri"])
    given = config.get("ImageConfigResponse", {}).get("ImageConfig", {})
    command = image.command(given.get("Command"), given.get("EntryPoint"))
    variables = {**image.environment, **config.get("Environment", {}).get("Variables", {})}
    lines = ["#!/bin/sh"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    lines += [f"cd {shlex.quote(str(image.folder))}", f"exec {shlex.join(command)}"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        # The time of day is in no archive: equal programs are the same package.
        archive.writestr(zipfile.ZipInfo("bootstrap"), "\n".join(lines) + "\n")
    return buffer.getvalue()
