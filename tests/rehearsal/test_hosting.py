"""Models, endpoint configurations and endpoints live and die as SageMaker's do."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from rehearsal.account import ACCOUNT, REGION, EmulatedAccount
from tests.rehearsal.hosting import (
    ANSWERS,
    BUCKET,
    IMAGE,
    ROWS,
    Hosting,
    archive,
    code,
    hosted,
    until,
    variant,
)

ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"


@pytest.fixture(scope="module")
def hosting(account: EmulatedAccount) -> Iterator[Hosting]:
    yield from hosted(account)


@pytest.fixture(scope="module")
def endpoint(hosting: Hosting) -> str:
    """One in service, which tests leave in service."""
    return hosting.endpoint(hosting.config(variant(hosting.model())))


def test_unknown_resources_are_named(hosting: Hosting) -> None:
    sagemaker = hosting.sagemaker
    with pytest.raises(ClientError) as model:
        sagemaker.describe_model(ModelName="nobody")
    assert code(model) == ("ValidationException", f'Could not find model "{ARN}:model/nobody".')
    with pytest.raises(ClientError) as config:
        sagemaker.create_endpoint(EndpointName="x", EndpointConfigName="nobody")
    assert code(config)[1] == (
        f'Could not find endpoint configuration "{ARN}:endpoint-config/nobody".'
    )
    with pytest.raises(ClientError) as endpoint:
        sagemaker.delete_endpoint(EndpointName="Nobody")
    assert code(endpoint)[1] == f'Could not find endpoint "{ARN}:endpoint/nobody".'


def test_names_follow_the_pattern_and_are_unique(hosting: Hosting, endpoint: str) -> None:
    with pytest.raises(ClientError) as wrong:
        hosting.sagemaker.create_endpoint(EndpointName="under_score", EndpointConfigName="c")
    assert "regular expression pattern" in code(wrong)[1]
    config = hosting.describe(endpoint)["EndpointConfigName"]
    with pytest.raises(ClientError) as again:
        hosting.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    assert code(again)[1].startswith("Cannot create already existing endpoint ")


def test_a_model_needs_an_artifact_that_its_role_can_read(hosting: Hosting) -> None:
    for role, uri in (
        (hosting.role("artifacts"), hosting.upload(archive(model=b""))),
        (hosting.role(), f"s3://{BUCKET}/models/missing.tar.gz"),
        (f"arn:aws:iam::{ACCOUNT}:role/nobody", hosting.upload(archive(model=b""))),
    ):
        with pytest.raises(ClientError) as refused:
            hosting.sagemaker.create_model(
                ModelName=hosting.name(),
                ExecutionRoleArn=role,
                PrimaryContainer={"Image": IMAGE, "ModelDataUrl": uri},
            )
        assert code(refused)[1].startswith(f"Could not access model data at {uri}.")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"InitialInstanceCount": None}, "InitialInstanceCount"),
        ({"InstanceType": "ml.m5.huge"}, "enum value set"),
        ({"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}, "either"),
        ({"ModelName": "nobody"}, "Could not find model"),
    ],
)
def test_a_configuration_is_checked(
    hosting: Hosting, settings: dict[str, object], words: str
) -> None:
    given = {**variant(hosting.model()), **settings}
    with pytest.raises(ClientError) as refused:
        hosting.config({key: value for key, value in given.items() if value is not None})
    assert words in code(refused)[1]


def test_an_endpoint_is_described_as_it_runs(hosting: Hosting, endpoint: str) -> None:
    described = hosting.describe(endpoint)
    assert described["EndpointStatus"] == "InService"
    (only,) = described["ProductionVariants"]
    assert only["CurrentInstanceCount"] == only["DesiredInstanceCount"] == 1
    assert only["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    assert "PendingDeploymentSummary" not in described
    assert "FailureReason" not in described


def test_what_is_in_progress_is_left_alone(hosting: Hosting) -> None:
    config = hosting.config(variant(hosting.model()))
    name = hosting.name("endpoint")
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    pending = hosting.describe(name)
    assert pending["EndpointStatus"] == "Creating"
    assert pending["PendingDeploymentSummary"]["EndpointConfigName"] == config
    for refuse in (
        lambda: hosting.sagemaker.delete_endpoint(EndpointName=name),
        lambda: hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config),
    ):
        with pytest.raises(ClientError) as refused:
            refuse()
        assert code(refused)[1] == f'Cannot update in-progress endpoint "{ARN}:endpoint/{name}".'
    with pytest.raises(ClientError) as early:
        hosting.invoke(name)
    assert code(early) == (
        "ValidationError",
        f"Endpoint {name} of account {ACCOUNT} not found.",
    )
    hosting.settled(name)
    hosting.sagemaker.delete_endpoint(EndpointName=name)


def test_a_model_that_does_not_start_fails_the_endpoint(hosting: Hosting) -> None:
    model = hosting.model(archive(**{"xgboost-model": b"no model"}))
    name = hosting.endpoint(hosting.config(variant(model)))
    failed = hosting.describe(name)
    assert failed["EndpointStatus"] == "Failed"
    assert "container" in failed["FailureReason"]
    config = hosting.config(variant(hosting.model()))
    with pytest.raises(ClientError):  # deletion is all that is left to it
        hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
    hosting.sagemaker.delete_endpoint(EndpointName=name)


def test_an_update_serves_the_new_model_and_keeps_the_endpoint(hosting: Hosting) -> None:
    champion, challenger = (
        hosting.config(variant(hosting.model(name))) for name in ("champion", "challenger")
    )
    name = hosting.endpoint(champion)
    before = float(hosting.invoke(name)["Body"])
    assert before == pytest.approx(ANSWERS[0])
    hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=challenger)
    updated = hosting.settled(name)
    assert updated["EndpointConfigName"] == challenger
    assert float(hosting.invoke(name)["Body"]) != pytest.approx(before)

    bad = hosting.config(variant(hosting.model(archive(**{"xgboost-model": b"no model"}))))
    hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=bad)
    kept = hosting.settled(name)
    assert (kept["EndpointStatus"], kept["EndpointConfigName"]) == ("InService", challenger)
    assert "container" in kept["FailureReason"]
    hosting.invoke(name)


def test_no_request_is_lost_in_an_update(hosting: Hosting) -> None:
    old, new = (hosting.config(variant(hosting.model())) for _ in range(2))
    name = hosting.endpoint(old)
    hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=new)
    with ThreadPoolExecutor(8) as clients:
        while hosting.describe(name)["EndpointStatus"] == "Updating":
            answers = clients.map(lambda row: hosting.invoke(name, row)["Body"], ROWS)
            assert [float(answer) for answer in answers] == pytest.approx(ANSWERS)
    assert hosting.describe(name)["EndpointConfigName"] == new


def test_without_its_configuration_an_endpoint_serves_and_cannot_be_updated(
    hosting: Hosting,
) -> None:
    old, new = (hosting.config(variant(hosting.model())) for _ in range(2))
    name = hosting.endpoint(old)
    hosting.sagemaker.delete_endpoint_config(EndpointConfigName=old)
    hosting.invoke(name)
    with pytest.raises(ClientError) as refused:
        hosting.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=new)
    assert (
        code(refused)[1] == f'Could not find endpoint configuration "{ARN}:endpoint-config/{old}".'
    )


def test_weights_and_capacities_change_while_it_serves(hosting: Hosting) -> None:
    model = hosting.model()
    name = hosting.endpoint(hosting.config(variant(model, "A"), variant(model, "B")))
    change = hosting.sagemaker.update_endpoint_weights_and_capacities
    for wrong in (
        {"VariantName": "C", "DesiredWeight": 1.0},
        {"VariantName": "A", "DesiredInstanceCount": 0},
    ):
        with pytest.raises(ClientError):
            change(EndpointName=name, DesiredWeightsAndCapacities=[wrong])
    change(
        EndpointName=name,
        DesiredWeightsAndCapacities=[
            {"VariantName": "A", "DesiredWeight": 0.0},
            {"VariantName": "B", "DesiredInstanceCount": 2},
        ],
    )
    first, second = hosting.settled(name)["ProductionVariants"]
    assert first["CurrentWeight"] == 0
    assert second["CurrentInstanceCount"] == 2
    seen = {hosting.invoke(name)["InvokedProductionVariant"] for _ in range(20)}
    assert seen == {"B"}

    # An update keeps what scaling has reached, if asked to.
    again = hosting.config(variant(model, "A"), variant(model, "B"))
    hosting.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=again,
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )
    first, second = hosting.settled(name)["ProductionVariants"]
    assert first["CurrentWeight"] == 1
    assert second["CurrentInstanceCount"] == 2


def test_weights_share_out_the_traffic_and_a_target_overrides_them(hosting: Hosting) -> None:
    model = hosting.model()
    name = hosting.endpoint(
        hosting.config(
            variant(model, "Most", InitialVariantWeight=3.0),
            variant(model, "Some", InitialVariantWeight=1.0),
        )
    )
    told = [hosting.invoke(name)["InvokedProductionVariant"] for _ in range(200)]
    assert 120 <= told.count("Most") <= 178
    targeted = hosting.invoke(name, TargetVariant="Some")
    assert targeted["InvokedProductionVariant"] == "Some"
    with pytest.raises(ClientError) as refused:
        hosting.invoke(name, TargetVariant="Nobody")
    assert code(refused)[0] == "ValidationError"
    counted = [
        sum(
            hosting.statistics(
                "AWS/SageMaker", "Invocations", "Sum", EndpointName=name, VariantName=each
            )
        )
        for each in ("Most", "Some")
    ]
    assert counted == [told.count("Most"), told.count("Some") + 1]


def test_lists_are_filtered_sorted_and_paged(hosting: Hosting, endpoint: str) -> None:
    part = endpoint.rpartition("-")[2]
    found = hosting.sagemaker.list_endpoints(NameContains=part.upper(), StatusEquals="InService")
    assert [each["EndpointName"] for each in found["Endpoints"]] == [endpoint]
    assert not hosting.sagemaker.list_endpoints(NameContains=part, StatusEquals="Failed")[
        "Endpoints"
    ]
    models = [hosting.model() for _ in range(3)]
    pages = hosting.sagemaker.get_paginator("list_models").paginate(
        SortBy="CreationTime", SortOrder="Descending", PaginationConfig={"PageSize": 2}
    )
    names = [model["ModelName"] for page in pages for model in page["Models"]]
    assert names[:3] == models[::-1]


def test_tags_are_kept_with_the_resource(hosting: Hosting, endpoint: str) -> None:
    arn = hosting.describe(endpoint)["EndpointArn"]
    sagemaker = hosting.sagemaker
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    sagemaker.add_tags(
        ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]
    )
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["b"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "2"}]


def test_a_deleted_endpoint_is_gone(hosting: Hosting) -> None:
    name = hosting.endpoint(hosting.config(variant(hosting.model())))
    hosting.sagemaker.delete_endpoint(EndpointName=name)

    def gone() -> bool:
        with pytest.raises(ClientError):
            hosting.invoke(name, ROWS[0])
        return not hosting.sagemaker.list_endpoints(NameContains=name)["Endpoints"]

    until(gone, bool)
