"""A table over captured data, and the workgroup whose queries read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mla_constructs.analytics.captured_data import CapturedData
from mla_constructs.analytics.query_workgroup import QueryWorkgroup
from mla_constructs.errors import InvalidArgument

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def table(parts: Parts, **changes: Any) -> CapturedData:
    arguments: dict[str, Any] = {
        "bucket": parts.bucket,
        "prefix": "capture",
        "endpoint_name": "endpoint",
        "variant_names": ["Live", "Dark"],
        "days": 30,
    }
    return CapturedData(parts.stack, "Captured", **(arguments | changes))


def workgroup(parts: Parts, **changes: Any) -> QueryWorkgroup:
    arguments: dict[str, Any] = {
        "key": parts.key,
        "bucket": parts.bucket,
        "prefix": "queries",
        "scan_limit_mb": 100,
    }
    return QueryWorkgroup(parts.stack, "Queries", **(arguments | changes))


def properties(parts: Parts, type_: str) -> dict[str, Any]:
    (found,) = parts.template.find_resources(type_).values()
    return dict(found["Properties"])


def test_partitions_follow_the_path_of_captured_data(parts: Parts) -> None:
    table(parts)
    parameters = properties(parts, "AWS::Glue::Table")["TableInput"]["Parameters"]
    assert parameters["projection.variant.values"] == "Live,Dark"
    assert parameters["projection.hour.format"] == "yyyy/MM/dd/HH"
    assert parameters["projection.hour.range"] == "NOW-30DAYS,NOW"
    template = parameters["storage.location.template"]["Fn::Join"][1]
    assert template[-1] == "/capture/endpoint/${variant}/${hour}/"


def test_columns_are_those_of_a_captured_line(parts: Parts) -> None:
    table(parts)
    descriptor = properties(parts, "AWS::Glue::Table")["TableInput"]["StorageDescriptor"]
    columns = {column["Name"]: column["Type"] for column in descriptor["Columns"]}
    assert list(columns) == ["capturedata", "eventmetadata", "eventversion"]
    assert "endpointoutput:struct<" in columns["capturedata"]
    assert "inferenceid:string" in columns["eventmetadata"]
    assert descriptor["SerdeInfo"]["SerializationLibrary"].endswith("JsonSerDe")


def test_database_has_the_stacks_name_as_athena_can_write_it(parts: Parts) -> None:
    made = table(parts)
    joined = {"Fn::Join": ["_", {"Fn::Split": ["-", {"Ref": "AWS::StackName"}]}]}
    assert properties(parts, "AWS::Glue::Database")["DatabaseInput"]["Name"] == joined
    assert properties(parts, "AWS::Glue::Table")["DatabaseName"] == joined
    assert parts.resolve(made.database) == joined


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"variant_names": []}, "variant_names is empty: name the variants"),
        ({"days": 0}, "days is 0: choose a value from 1 to 3650."),
        ({"days": 3651}, "days is 3651: choose a value from 1 to 3650."),
    ],
)
def test_bad_table_raises(changes: dict[str, Any], message: str, parts: Parts) -> None:
    with pytest.raises(InvalidArgument) as raised:
        table(parts, **changes)
    assert message in str(raised.value)


def test_workgroup_dictates_place_key_and_limit(parts: Parts) -> None:
    workgroup(parts)
    found = properties(parts, "AWS::Athena::WorkGroup")
    assert found["RecursiveDeleteOption"] is True
    config = found["WorkGroupConfiguration"]
    assert config["EnforceWorkGroupConfiguration"] is True
    assert config["BytesScannedCutoffPerQuery"] == 100_000_000
    assert config["ResultConfiguration"]["EncryptionConfiguration"] == {
        "EncryptionOption": "SSE_KMS",
        "KmsKey": parts.resolve(parts.key.key_arn),
    }


def test_query_is_saved_as_it_stands_in_its_file(parts: Parts, tmp_path: Path) -> None:
    query = tmp_path / "how_many.sql"
    query.write_text("SELECT COUNT(*) FROM captured\n")
    workgroup(parts).save("HowMany", query=query, database="records", meaning="How many there are")
    saved = properties(parts, "AWS::Athena::NamedQuery")
    assert saved["Name"] == "how_many"
    assert saved["QueryString"] == "SELECT COUNT(*) FROM captured\n"
    assert saved["Database"] == "records"


@pytest.mark.parametrize("limit", [9, 7_000_000_001])
def test_limit_that_athena_refuses_raises(limit: int, parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match=f"scan_limit_mb is {limit} MB: choose a value from"):
        workgroup(parts, scan_limit_mb=limit)
