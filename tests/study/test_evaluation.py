"""The evaluation of policies, statement by statement as IAM's guide describes it."""

from __future__ import annotations

from typing import Any

import pytest

from catalogue.template import Template
from study.evaluation import Decision, Policies, Request, UnstatedError, decide
from study.sample import ACCOUNT

Statement = dict[str, Any]


def allow(action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(**more: Any) -> Statement:
    return {**allow(**more), "Effect": "Deny"}


GET = Request("s3:GetObject", "arn:aws:s3:::rows/input/a.csv")


@pytest.mark.parametrize(
    ("statements", "decision"),
    [
        ([], Decision.NOT_ALLOWED),
        ([allow()], Decision.ALLOWED),
        ([allow("S3:getobject")], Decision.ALLOWED),
        ([allow("s3:Get*")], Decision.ALLOWED),
        ([allow(["s3:PutObject", "s3:GetObject"])], Decision.ALLOWED),
        ([allow("s3:GetObjectVersion")], Decision.NOT_ALLOWED),
        ([allow(resource="arn:aws:s3:::rows/input/*")], Decision.ALLOWED),
        ([allow(resource="arn:aws:s3:::rows/input/?.csv")], Decision.ALLOWED),
        ([allow(resource="arn:aws:s3:::rows/output/*")], Decision.NOT_ALLOWED),
        ([allow(resource="arn:aws:s3:::Rows/*")], Decision.NOT_ALLOWED),
        ([allow(resource="arn:aws:s3:::rows")], Decision.NOT_ALLOWED),
        ([deny(), allow()], Decision.DENIED),
        ([allow(), deny(action="s3:*")], Decision.DENIED),
        ([allow(), deny(action="s3:PutObject")], Decision.ALLOWED),
    ],
)
def test_statements_add_up(statements: list[Statement], decision: Decision) -> None:
    assert decide(statements, GET) is decision


ROLE = "arn:aws:iam::111122223333:role/a"


@pytest.mark.parametrize(
    ("operator", "wanted", "found", "holds"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIfExists", "a", "b", False),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", "a", None, True),
        ("StringEqualsIgnoreCase", "a", "A", True),
        ("StringLike", "a/*", "a/b/c", True),
        ("StringLike", "a/?", "a/bc", False),
        ("StringNotLike", "a/*", "b/c", True),
        ("ArnLike", "arn:aws:sns:*:111122223333:*", "arn:aws:sns:eu-west-1:111122223333:t", True),
        ("ArnLike", "arn:aws:*", "arn:aws:sns:eu-west-1:111122223333:t", False),
        ("ArnEquals", "arn:aws:iam::111122223333:role/*", ROLE, True),
        ("ArnNotEquals", ROLE, ROLE, False),
        ("Bool", "true", "true", True),
        ("Bool", True, "true", True),
        ("Bool", "false", None, False),
        ("NumericLessThan", 1.2, "1.1", True),
        ("NumericLessThan", "1.2", "1.2", False),
        ("NumericLessThanEquals", "1.2", "1.2", True),
        ("NumericGreaterThan", "3", "10", True),
        ("NumericNotEquals", "3", "3.0", False),
        ("Null", "true", None, True),
        ("Null", "true", "a", False),
        ("Null", "false", "a", True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAllValues:StringEquals", ["a"], None, True),
        ("ForAnyValue:StringEquals", ["a"], ["c", "a"], True),
        ("ForAnyValue:StringLike", ["a*"], None, False),
    ],
)
def test_conditions(operator: str, wanted: Any, found: Any, holds: bool) -> None:
    statement = allow(Condition={operator: {"aws:Key": wanted}})
    decision = decide([statement], Request(GET.action, GET.resource, {"AWS:key": found}))
    assert (decision is Decision.ALLOWED) is holds


def test_all_conditions_have_to_hold() -> None:
    statement = allow(Condition={"StringEquals": {"a": "1", "b": "2"}, "Bool": {"c": "true"}})
    holds = {"a": "1", "b": "2", "c": "true"}
    assert decide([statement], Request(GET.action, GET.resource, holds)) is Decision.ALLOWED
    for key in holds:
        context = {**holds, key: "0"}
        assert decide([statement], Request(GET.action, GET.resource, context)) is not (
            Decision.ALLOWED
        )


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "NotAction": "s3:*", "Action": [], "Resource": "*"},
        allow(resource="arn:aws:s3:::rows/${aws:username}/*"),
        allow(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        allow(Condition={"ForSomeValues:StringEquals": {"aws:TagKeys": "a"}}),
    ],
)
def test_what_is_not_understood_is_refused(statement: Statement) -> None:
    with pytest.raises(ValueError, match=r"not understood|policy variables|NotAction"):
        decide([statement], GET)


def only_if(operator: str, wanted: str) -> Statement:
    return {"Condition": {operator: {"aws:PrincipalOrgID": wanted, "aws:Stated": "yes"}}}


@pytest.mark.parametrize(
    ("statement", "asked"),
    [
        # Held for want of the key, each of them would allow.
        (allow(**only_if("StringNotLike", "o-1")), True),
        (allow(**only_if("StringEqualsIfExists", "yes")), True),
        (allow(**only_if("ForAllValues:StringEquals", "yes")), True),
        # Not held for want of the key, a denial would not deny.
        (deny(**only_if("StringEquals", "yes")), True),
        # Whatever the key is, these do not gain by it.
        (allow(**only_if("StringEquals", "yes")), False),
        (deny(**only_if("StringNotEquals", "o-1")), False),
        (deny(action="s3:PutObject", **only_if("StringEquals", "yes")), False),
    ],
)
def test_request_says_what_decides_it(statement: Statement, asked: bool) -> None:
    negated = "Not" in str(statement)
    request = Request(GET.action, GET.resource, {"aws:Stated": "no" if negated else "yes"})
    if asked:
        with pytest.raises(UnstatedError, match="aws:PrincipalOrgID"):
            decide([statement], request)
    else:
        decide([statement], request)
    told = Request(GET.action, GET.resource, {**request.context, "aws:PrincipalOrgID": None})
    decide([statement], told)


def test_what_is_denied_anyway_needs_no_more_said() -> None:
    unsaid = deny(Condition={"Bool": {"aws:SecureTransport": "false"}})
    assert decide([unsaid, deny()], GET) is Decision.DENIED
    with pytest.raises(UnstatedError):
        decide([unsaid, allow()], GET)


def test_several_values_need_a_quantifier() -> None:
    statement = allow(Condition={"StringEquals": {"aws:TagKeys": "a"}})
    with pytest.raises(ValueError, match="several values"):
        decide([statement], Request(GET.action, GET.resource, {"aws:TagKeys": ["a", "b"]}))


# Whose policies count


def policy(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def policies(key: list[Statement], bucket: list[Statement], role: list[Statement]) -> Policies:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "a.b"}}
    key_policy = {"KeyPolicy": policy(*key)}
    bucket_policy = {"Bucket": {"Ref": "Rows"}, "PolicyDocument": policy(*bucket)}
    resources = {
        "Key": {"Type": "AWS::KMS::Key", "Properties": key_policy},
        "Rows": {"Type": "AWS::S3::Bucket", "Properties": {}},
        "RowsPolicy": {"Type": "AWS::S3::BucketPolicy", "Properties": bucket_policy},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": policy(trust),
                "Policies": [{"PolicyDocument": policy(*role)}],
            },
        },
    }
    return Policies(Template({"Resources": resources}, "test"))


OBJECTS = {"Fn::Join": ["", [{"Fn::GetAtt": ["Rows", "Arn"]}, "/*"]]}
KEY = {"Fn::GetAtt": ["Key", "Arn"]}
ROOT = {"AWS": {"Fn::Join": ["", ["arn:aws:iam::", {"Ref": "AWS::AccountId"}, ":root"]]}}
ITSELF = {"AWS": {"Fn::GetAtt": ["Role", "Arn"]}}


@pytest.mark.parametrize(
    ("bucket", "role", "decision"),
    [
        ([], [], Decision.NOT_ALLOWED),
        ([], [allow(resource=OBJECTS)], Decision.ALLOWED),
        ([allow(resource=OBJECTS, Principal=ITSELF)], [], Decision.ALLOWED),
        ([allow(resource=OBJECTS, Principal=ROOT)], [], Decision.NOT_ALLOWED),
        (
            [deny(resource=OBJECTS, Principal="*")],
            [allow(resource=OBJECTS)],
            Decision.DENIED,
        ),
        (
            [deny(resource=OBJECTS, Principal={"Service": "c.d"})],
            [allow(resource=OBJECTS)],
            Decision.ALLOWED,
        ),
    ],
)
def test_role_or_bucket_has_to_allow(
    bucket: list[Statement], role: list[Statement], decision: Decision
) -> None:
    found = policies([], bucket, role).role_may("Role", "s3:GetObject", "<Rows.Arn>/a")
    assert found is decision


DECRYPT = allow("kms:Decrypt", KEY)


@pytest.mark.parametrize(
    ("key", "role", "decision"),
    [
        ([], [DECRYPT], Decision.NOT_ALLOWED),
        ([allow("kms:*", Principal=ROOT)], [], Decision.NOT_ALLOWED),
        ([allow("kms:*", Principal=ROOT)], [DECRYPT], Decision.ALLOWED),
        ([allow("kms:Encrypt", Principal=ROOT)], [DECRYPT], Decision.NOT_ALLOWED),
        ([allow("kms:Decrypt", Principal=ITSELF)], [], Decision.ALLOWED),
    ],
)
def test_key_has_to_allow_in_any_case(
    key: list[Statement], role: list[Statement], decision: Decision
) -> None:
    assert policies(key, [], role).role_may("Role", "kms:Decrypt", "<Key.Arn>") is decision


def test_service_gets_only_what_names_it() -> None:
    mine = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    guard = allow("kms:Decrypt", Principal={"Service": "a.b"}, Condition=mine)
    found = policies([guard], [], [])
    here, elsewhere = {"aws:SourceAccount": ACCOUNT}, {"aws:SourceAccount": "444455556666"}
    assert found.service_may("a.b", "kms:Decrypt", "<Key.Arn>", here) is Decision.ALLOWED
    assert found.service_may("a.b", "kms:Decrypt", "<Key.Arn>", elsewhere) is Decision.NOT_ALLOWED
    assert found.service_may("c.d", "kms:Decrypt", "<Key.Arn>", here) is Decision.NOT_ALLOWED
    assert found.may_assume("Role", {"Service": "a.b"}, {}) is Decision.ALLOWED
    assert found.may_assume("Role", {"Service": "c.d"}, {}) is Decision.NOT_ALLOWED
