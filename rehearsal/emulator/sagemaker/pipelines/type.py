"""AWS::SageMaker::Pipeline: its definition is a property of its own."""

from __future__ import annotations

import json
from uuid import uuid4

from rehearsal.emulator import schemas
from rehearsal.emulator.types import ApiType, Properties


class PipelineType(ApiType):
    """Pipelines of a template, their definition as text or in S3."""

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Deletes a pipeline."""
        del properties
        self.api.call(
            "DeletePipeline",
            {"PipelineName": self._name_of(physical_id), "ClientRequestToken": str(uuid4())},
        )

    def _call(self, verb: str, properties: Properties) -> None:
        schemas.check(self.type, properties)
        rest = dict(properties)
        definition = rest.pop("PipelineDefinition")
        if "PipelineDefinitionBody" in definition:
            body = definition["PipelineDefinitionBody"]
            rest["PipelineDefinition"] = body if isinstance(body, str) else json.dumps(body)
        else:
            location = definition["PipelineDefinitionS3Location"]
            rest["PipelineDefinitionS3Location"] = {
                "Bucket": location["Bucket"],
                "ObjectKey": location["Key"],
            }
        parallel = rest.pop("ParallelismConfiguration", None)
        if parallel:
            steps = int(parallel["MaxParallelExecutionSteps"])
            rest["ParallelismConfiguration"] = {"MaxParallelExecutionSteps": steps}
        if verb == "Create":
            rest["ClientRequestToken"] = str(uuid4())
        else:
            rest.pop("Tags", None)
        self.api.call(f"{verb}Pipeline", rest)
