"""A stack that deletes itself and consists of nothing else."""

from __future__ import annotations

import json

from aws_cdk import App, Stack
from aws_cdk.assertions import Template as Synthesized

from catalogue.discover import ROOT
from catalogue.template import Template
from mla_constructs.lifecycle.expiry import Expiry

FLAGS = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]


def expiring(hours: int, stack_id: str | None = None) -> Template:
    """Returns the stack's template.

    Args:
        hours: After which it deletes itself.
        stack_id: What AWS::StackId stands for; None leaves it as it is.
    """
    stack = Stack(App(context=FLAGS), "sample")
    Expiry(stack, "Expiry", hours=hours)
    document = json.dumps(Synthesized.from_stack(stack).to_json())
    if stack_id:
        document = document.replace('{"Ref": "AWS::StackId"}', json.dumps(stack_id))
    return Template(json.loads(document), "sample")
