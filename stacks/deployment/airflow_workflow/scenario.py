"""What there is of a workflow that only the service can run: its document, and where it looks.

MWAA Serverless is recorded only. The same requests run as jobs in the rehearsals of
step_functions_workflow and sagemaker_pipeline; the document itself is run by `make airflow`.
"""

from __future__ import annotations

from rehearsal.stage import Stage
from rehearsal.watching import physical_ids


def rehearse(stage: Stage) -> None:
    """The workflow's document lies where the service reads it, and names what is there."""
    outputs = stage.stack.outputs
    bucket = outputs["RawDataUri"].removeprefix("s3://").partition("/")[0]
    s3 = stage.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    documents = [key for key in keys if key.endswith((".yaml", ".yml"))]
    stage.expect("the workflow's document lies in the bucket", len(documents) == 1, keys)
    text = s3.get_object(Bucket=bucket, Key=documents[0])["Body"].read().decode()
    for name in ("ModelPackageGroupName",):
        stage.expect(f"it names the {name}", outputs[name] in text, text[:200])
    (workflow,) = physical_ids(stage, "AWS::MWAAServerless::Workflow")
    stage.show("recorded only, not run", workflow)
