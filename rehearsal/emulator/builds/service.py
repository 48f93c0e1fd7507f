"""CodeBuild: projects, and builds of them.

Source: https://docs.aws.amazon.com/codebuild/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from rehearsal.emulator import clock, host, inventory, schemas
from rehearsal.emulator.api import Api, Record, ServiceError
from rehearsal.emulator.builds.build import Build
from rehearsal.emulator.types import Properties, physical_name

TYPE = "AWS::CodeBuild::Project"
NAMESPACE = "AWS/CodeBuild"
DEFAULT_MINUTES = 60
HELD_SECONDS = 20.0
"""Real seconds that BatchGetBuilds waits for a build that runs: nobody need poll often."""


def project_arn(name: str) -> str:
    """Returns the ARN of a project."""
    return f"arn:aws:codebuild:{host.REGION}:{host.ACCOUNT}:project/{name}"


def _about(request: Record) -> str:
    named = request.get("projectName") or request.get("name")
    several = request.get("ids") or request.get("names") or [request.get("id")]
    name = named or str(several[0] or "").partition(":")[0]
    return project_arn(name) if name else "*"


class CodeBuild(Api):
    """CodeBuild as one service, with its CloudFormation type."""

    service = "codebuild"

    def __init__(self) -> None:
        super().__init__()
        self.projects: dict[str, Record] = {}
        self.builds: dict[str, Build] = {}
        self._tokens: dict[str, str] = {}
        self.resources: dict[str, Callable[[Record], str]] = dict.fromkeys(
            self.model.operation_names, _about
        )

    def register(self) -> None:
        """Adds the service and its resource type to the emulator."""
        host.add_service("codebuild", self.handle_request, targets=(f"{self.target}.",))
        host.add_type(TYPE, host.ResourceType(self._created, self._updated, self._deleted))
        # Builds stay for a year after their project: a history, nothing that exists.
        inventory.watch("codebuild.projects", lambda: self.projects)

    def stop_all(self) -> None:
        """Ends every build, when the rehearsal ends."""
        for build in list(self.builds.values()):
            if not build.ended.is_set():
                build.stop()

    def create_project(self, request: Record) -> Record:
        """Keeps a project."""
        name = request["name"]
        if name in self.projects:
            raise ServiceError(
                "ResourceAlreadyExistsException", f"Project already exists: {project_arn(name)}"
            )
        now = clock.now()
        self.projects[name] = {
            "timeoutInMinutes": DEFAULT_MINUTES,
            **request,
            "arn": project_arn(name),
            "created": now,
            "lastModified": now,
        }
        return {"project": self.projects[name]}

    def update_project(self, request: Record) -> Record:
        """Changes what is given of a project."""
        project = self._project(request["name"])
        project |= {**request, "lastModified": clock.now()}
        return {"project": project}

    def delete_project(self, request: Record) -> None:
        """Forgets a project; its builds stay."""
        self.projects.pop(request["name"], None)

    def batch_get_projects(self, request: Record) -> Record:
        """Returns projects."""
        found = [self.projects[name] for name in request["names"] if name in self.projects]
        missing = [name for name in request["names"] if name not in self.projects]
        return {"projects": found, "projectsNotFound": missing}

    def list_projects(self, request: Record) -> Record:
        """Returns the names of all projects."""
        return {"projects": sorted(self.projects, reverse=request.get("sortOrder") == "DESCENDING")}

    def start_build(self, request: Record) -> Record:
        """Starts a build; a token that was seen gives the build that it started."""
        allowed = {"projectName", "idempotencyToken", "environmentVariablesOverride"}
        for member in sorted(set(request) - allowed):
            raise ServiceError(
                "InvalidInputException", f"The rehearsal does not start builds with {member}."
            )
        project = self._project(request["projectName"])
        token = request.get("idempotencyToken")
        if token in self._tokens:
            return {"build": self.builds[self._tokens[token]].record}
        build = Build(self._record(project, request), project["arn"])
        self.builds[build.record["id"]] = build
        if token:
            self._tokens[token] = build.record["id"]
        host.in_background(lambda: self._run(build), build.record["id"])
        return {"build": build.record}

    def stop_build(self, request: Record) -> Record:
        """Ends a build."""
        build = self.builds.get(request["id"])
        if build is None:
            raise ServiceError("ResourceNotFoundException", f"Build not found: {request['id']}")
        build.stop()
        return {"build": build.record}

    def batch_get_builds(self, request: Record) -> Record:
        """Returns builds; of those that run, a moment later."""
        found = [self.builds[id_] for id_ in request["ids"] if id_ in self.builds]
        for build in found:
            build.ended.wait(HELD_SECONDS)
        missing = [id_ for id_ in request["ids"] if id_ not in self.builds]
        return {"builds": [build.record for build in found], "buildsNotFound": missing}

    def list_builds_for_project(self, request: Record) -> Record:
        """Returns the identifiers of a project's builds, newest first."""
        name = self._project(request["projectName"])["name"]
        ids = [id_ for id_, build in self.builds.items() if build.record["projectName"] == name]
        return {"ids": ids if request.get("sortOrder") == "ASCENDING" else ids[::-1]}

    def _project(self, name: str) -> Record:
        try:
            return self.projects[name]
        except KeyError:
            raise ServiceError(
                "ResourceNotFoundException", f"Project cannot be found: {project_arn(name)}"
            ) from None

    def _record(self, project: Record, request: Record) -> Record:
        name, uid = project["name"], str(uuid.uuid4())
        environment = dict(project["environment"])
        override = request.get("environmentVariablesOverride", [])
        merged = {
            each["name"]: each for each in [*environment.get("environmentVariables", []), *override]
        }
        environment["environmentVariables"] = list(merged.values())
        logs = project.get("logsConfig", {}).get("cloudWatchLogs", {"status": "ENABLED"})
        numbers = [
            b.record["buildNumber"] for b in self.builds.values() if b.record["projectName"] == name
        ]
        return {
            "id": f"{name}:{uid}",
            "arn": f"arn:aws:codebuild:{host.REGION}:{host.ACCOUNT}:build/{name}:{uid}",
            "buildNumber": max(numbers, default=0) + 1,
            "startTime": clock.now(),
            "currentPhase": "QUEUED",
            "buildStatus": "IN_PROGRESS",
            "buildComplete": False,
            "projectName": name,
            "phases": [],
            "source": project["source"],
            "environment": environment,
            "serviceRole": project["serviceRole"],
            "timeoutInMinutes": project["timeoutInMinutes"],
            "encryptionKey": project.get("encryptionKey", ""),
            "initiator": "rehearsal",
            "exportedEnvironmentVariables": [],
            "logs": {}
            if logs["status"] != "ENABLED"
            else {"groupName": logs.get("groupName", f"/aws/codebuild/{name}"), "streamName": uid},
        }

    def _run(self, build: Build) -> None:
        build.run()
        succeeded = build.record["buildStatus"] == "SUCCEEDED"
        seconds = (build.record["endTime"] - build.record["startTime"]).total_seconds()
        dimensions = {"ProjectName": build.record["projectName"]}
        for metric, value, unit in (
            ("Builds", 1.0, "Count"),
            ("SucceededBuilds" if succeeded else "FailedBuilds", 1.0, "Count"),
            ("Duration", seconds, "Seconds"),
        ):
            host.put_metric(NAMESPACE, metric, dimensions, value, unit)

    def _created(
        self, logical_id: str, properties: Properties, stack: str
    ) -> tuple[str, Properties]:
        schemas.check(TYPE, properties)
        name = properties.get("Name") or physical_name(stack, logical_id)
        self.call("CreateProject", self._parameters("CreateProject", {**properties, "Name": name}))
        return name, {"Arn": project_arn(name)}

    def _updated(
        self, physical_id: str, old: Properties, new: Properties, stack: str
    ) -> tuple[str, Properties]:
        del old, stack
        schemas.check(TYPE, new)
        given = {**new, "Name": physical_id}
        self.call("UpdateProject", self._parameters("UpdateProject", given))
        return physical_id, {"Arn": project_arn(physical_id)}

    def _deleted(self, physical_id: str, properties: Properties) -> None:
        del properties
        self.call("DeleteProject", {"name": physical_id})

    def _parameters(self, operation: str, properties: Properties) -> Record:
        checked = schemas.coerced(properties, schemas.schema(TYPE), schemas.schema(TYPE))
        return dict(named(checked, self.model.operation_model(operation).input_shape))


def named(value: Any, shape: Shape | None) -> Any:
    """Returns CloudFormation's properties as parameters, whose names differ in case only."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = {name.lower(): name for name in shape.members}
        return {
            members[key.lower()]: named(inner, shape.members[members[key.lower()]])
            for key, inner in value.items()
            if key.lower() in members
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [named(inner, shape.member) for inner in value]
    return value
