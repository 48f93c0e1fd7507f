"""Writes docs/rules.md, the reference of the rule pack, from its classes.

`--check` changes nothing and exits with 1 if the page is out of date.
"""

from __future__ import annotations

import argparse
import sys

from rules._apply import FOLDER, pack
from rules._base import MlRule

PAGE = FOLDER.parent / "docs" / "rules.md"
LEAD = """# The ML rule pack

<!-- written by scripts/rule_reference.py -->

What cfn-lint and cdk-nag do not know of machine learning on AWS. `mla check TEMPLATE...` applies
the pack, and nothing else, to CloudFormation or SAM, in YAML or JSON: exit code 0 without findings,
1 with, 2 if a file cannot be read. An editor that runs cfn-lint shows them beside its own:
`cfn-lint --append-rules rules TEMPLATE`.

E is an error: the deployment fails, or what it makes does not do what it says. W is a warning. I is
informational: `--info`. A template silences a rule as any other of cfn-lint, in `Metadata` of the
resource, and may say why beside it; whoever reads the template reads it there:

```yaml
  Config:
    Type: AWS::SageMaker::EndpointConfig
    Metadata:
      cfn-lint:
        config: {ignore_checks: [I9527]}
        reason: What users write is not to be kept.
```

In the stacks of this repository `silence` of `mla_constructs.security.findings` writes both.

A rule looks at the template under each outcome of its conditions (all of them together up to six;
of more, each true and false once), with parameters at their defaults, and does not judge what is
only known at deployment. Rules about life cycles go by the day on which they run. Pipelines and
state machines are read as JSON text, as text put together by Fn::Sub or Fn::Join, and as objects; a
definition that lies in S3 is not.

"""


def page() -> str:
    """Returns the reference of today."""
    rules = pack()
    lines = [
        "| Rule | What it asks for | Why | Source |",
        "| --- | --- | --- | --- |",
        *(f"| {r.id} | {r.shortdesc} | {r.description} | {_link(r)} |" for r in rules),
    ]
    return f"{LEAD}{len(rules)} rules.\n\n" + "\n".join(lines) + "\n"


def _link(rule: MlRule) -> str:
    name = rule.source.url.rsplit("/", 1)[1].removesuffix(".html")
    return f"[{name}]({rule.source.url}), {rule.source.read.isoformat()}"


def main() -> int:
    """Writes or checks the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        return int(not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
