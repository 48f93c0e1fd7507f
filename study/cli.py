"""The `mla` command. Whatever is not needed by every subcommand is imported where it is used."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from catalogue.errors import UsageError
from study.report import Format

app = typer.Typer(
    help="Study the reference architectures: list them, show one, compare several.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How to print it.")]
AssemblyOption = Annotated[
    Path | None,
    typer.Option(
        help="Cloud assembly to read as it is. Without it, cdk.out is read and what is missing "
        "or older than its sources is synthesized."
    ),
]


@app.command("list")
def list_architectures(
    domain: Annotated[str | None, typer.Option(help="Only this exam domain.")] = None,
    task: Annotated[str | None, typer.Option(help="Only this exam task, such as 3.1.")] = None,
    how: FormatOption = Format.TABLE,
) -> None:
    """Lists the architectures by exam domain."""
    from study.listing import listing

    typer.echo(listing(domain=domain, task=task).render(how))


@app.command()
def show(
    slug: Annotated[str, typer.Argument(help="Architecture, such as realtime_endpoint.")],
    compliance: Annotated[
        bool, typer.Option("--compliance", help="Findings of NIST 800-53 R5, HIPAA and PCI DSS.")
    ] = False,
    iam: Annotated[
        bool, typer.Option("--iam", help="Roles: who may assume them, and what they may do.")
    ] = False,
    assembly: AssemblyOption = None,
    how: FormatOption = Format.TABLE,
) -> None:
    """Shows one architecture: facts with sources, resources, IAM statements, outputs."""
    from catalogue.discover import select

    (architecture,) = select([slug])
    if compliance:
        from study.compliance import compliance_report

        report = compliance_report(architecture)
    else:
        from study.assembly import load
        from study.permissions import permissions
        from study.show import show as show_report

        (template,) = load([architecture], assembly)
        report = (permissions if iam else show_report)(architecture, template)
    typer.echo(report.render(how))


@app.command()
def compare(
    slugs: Annotated[
        list[str] | None, typer.Argument(help="Two architectures or more, or one with --option.")
    ] = None,
    question: Annotated[
        str | None, typer.Option(help='All that answer one question, such as "rollout".')
    ] = None,
    option: Annotated[
        str | None, typer.Option(help="One architecture under every value of this option.")
    ] = None,
    assembly: AssemblyOption = None,
    how: FormatOption = Format.TABLE,
) -> None:
    """Lays architectures side by side: facts first, then what their templates differ in."""
    from study.chosen import answers, choices, chosen_option, several

    architectures = answers(question) if question else []
    if len(architectures) == 1:
        # A question with one answer is answered by what that one leaves to choose.
        slugs, option = [architectures[0].slug], choices(architectures[0])[0].name
    if option:
        from study.assembly import load_variations
        from study.compare import compare_variations

        architecture, declared = chosen_option(slugs or [], option)
        templates = load_variations(architecture, declared)
        report = compare_variations(architecture, declared, templates)
    else:
        from study.assembly import load
        from study.compare import compare as comparison

        architectures = architectures or several(slugs or [])
        report = comparison(architectures, load(architectures, assembly))
    typer.echo(report.render(how))


@app.command()
def check(
    templates: Annotated[list[Path], typer.Argument(help="CloudFormation or SAM, YAML or JSON.")],
    info: Annotated[bool, typer.Option("--info", help="Informational findings, too.")] = False,
    how: FormatOption = Format.TABLE,
) -> None:
    """Applies the ML rule pack to templates; exit code 1 if it finds something."""
    from study.check import check_report

    report = check_report(templates, informational=info)
    typer.echo(report.render(how))
    if any(section.rows for section in report.sections):
        raise typer.Exit(1)


@app.command()
def rehearse(
    slugs: Annotated[
        list[str] | None, typer.Argument(help="Architectures, such as realtime_endpoint.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="The whole catalogue.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Wait before the stack is destroyed, to look round.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="How many at once.", min=1)] = 2,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    how: FormatOption = Format.TABLE,
) -> None:
    """Deploys into an emulated AWS on this machine, uses it for real, destroys it again."""
    from rehearsal.run import nobody
    from study.rehearse import chosen, look_round, rehearse_all, report

    architectures = chosen(slugs or [], every)
    if keep and len(architectures) > 1:
        raise UsageError("--keep waits for one architecture: name one.")
    outcomes = rehearse_all(
        architectures,
        after=look_round if keep else nobody,
        jobs=min(jobs, len(architectures)),
    )
    typer.echo(report(outcomes).render(Format.JSON if json else how))
    if any(outcome.problem for outcome in outcomes):
        raise typer.Exit(1)


@app.command()
def invoke(
    slug: Annotated[str, typer.Argument(help="Architecture, such as realtime_endpoint.")],
    file: Annotated[
        Path | None, typer.Option(help="The request; without it, the model's first sample.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="AWS Region; that of the environment without.")
    ] = None,
) -> None:
    """Sends a request to a deployed architecture and prints the answer; exit code 1 if none."""
    from catalogue.discover import select
    from study import invoke as study

    (architecture,) = select([slug])
    try:
        answer = study.invoke(architecture, file=file, region=region)
    except study.Unanswered as refused:
        typer.echo(f"error: {refused}", err=True)
        raise typer.Exit(1) from None
    typer.echo(answer, nl=not answer.endswith(b"\n"))


@app.command()
def preflight(
    slug: Annotated[str, typer.Argument(help="Architecture, such as realtime_endpoint.")],
    region: Annotated[
        str | None, typer.Option(help="Where to deploy; without it, the environment's Region.")
    ] = None,
    context: Annotated[
        list[str] | None, typer.Option("-c", help="An option of the architecture: name=value.")
    ] = None,
    assembly: AssemblyOption = None,
    how: FormatOption = Format.TABLE,
) -> None:
    """Asks an AWS account, read-only, whether it can be deployed there; exit code 1 if not."""
    from catalogue.discover import select
    from study.chosen import pairs
    from study.preflight import preflight_report, preflight_result

    (architecture,) = select([slug])
    subject, result = preflight_result(
        architecture, region=region, options=pairs(context or []), assembly=assembly
    )
    typer.echo(preflight_report(subject, result).render(how))
    if not result.passed:
        raise typer.Exit(1)


@app.command()
def leftovers(
    slugs: Annotated[
        list[str] | None, typer.Argument(help="Architectures; all of them without.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="AWS Region; that of the environment without.")
    ] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete it, once you have typed how many.")
    ] = False,
    how: FormatOption = Format.TABLE,
) -> None:
    """Finds what destroyed stacks have left in the account; exit code 1 if there is something."""
    from study import leftovers as study

    left = study.look(slugs or [], region, progress)
    report = study.leftovers_report(left)
    if delete and left.removable:
        # What is to be confirmed goes to the terminal; what became of it is the command's answer.
        typer.echo(report.render(Format.TABLE), err=True)
        study.confirm(left, lambda question: typer.echo(question, err=True))
        typer.echo(study.delete(left, progress).render(how))
        left = study.look(slugs or [], region, progress)
    else:
        typer.echo(report.render(how))
    if not left.clean:
        raise typer.Exit(1)


def progress(what: str) -> None:
    """Tells whoever waits at a terminal what is being done."""
    if sys.stderr.isatty():
        typer.echo(what, err=True)


def main() -> None:
    """Runs the command; unusable input ends it with one sentence and exit code 2."""
    try:
        app()
    except UsageError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
