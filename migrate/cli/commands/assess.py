"""`cnimigrate assess`: facts and findings; writes nothing, takes no lock."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click

from migrate import assess
from migrate.cli import say, tables
from migrate.cli.looking import blue_alone, looking, scene_of
from migrate.cli.options import output
from migrate.cli.project import load
from migrate.errors import CheckFailed, Stopped, UsageError
from migrate.model.action import State
from migrate.model.facts import ClusterFacts, Finding, Severity
from migrate.model.migration import Migration
from migrate.planning.draft import cni_words, outside_addresses, recommend
from migrate.steps.assess_sides import RIGHTS_BLUE, look, missing_rights
from migrate.steps.sides import facts_of

SHOWN = 5
"""Warnings that are shown without --all; blockers always are."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was seen.

    `recommended` says that green's ranges are a recommendation, because no file was given; `unusable` why a green
    that was begun could not be looked at.
    """

    migration: Migration
    blue: ClusterFacts
    green: ClusterFacts | None
    findings: tuple[Finding, ...]
    recommended: bool = False
    unusable: str = ""

    def count(self, severity: Severity) -> int:
        """How many findings have a severity."""
        return sum(f.severity is severity for f in self.findings)


@click.command("assess")
@click.argument("file", required=False, metavar="[FILE]")
@click.option("-f", "--file", "file_option", metavar="FILE", help="the migration file [migration.yaml]")
@click.option("--state", metavar="DIR", help="the state directory [.cnimigrate/NAME beside the file]")
@click.option("--kubeconfig", metavar="FILE", help="look at this blue alone, without a migration file")
@click.option("--context", metavar="NAME", help="the kubeconfig's context [its current one]")
@click.option("--all", "everything", is_flag=True, help="every warning and every note")
@output("text", "json", "yaml")
def command(
    file: str | None,
    file_option: str | None,
    state: str | None,
    kubeconfig: str | None,
    context: str | None,
    output: str,
    *,
    everything: bool,
) -> None:
    r"""Say what blue and green are, and what stands in the way; writes nothing to any cluster.

    \b
    cnimigrate assess
    cnimigrate assess --kubeconfig ~/.kube/dc1.yaml

    Exit codes: 0 no blockers, 11 blue runs Calico already, 12 no route from its CNI, 30 blockers.
    """
    if kubeconfig is not None:
        if file or file_option:
            message = "a migration file and --kubeconfig were given"
            raise UsageError(message, remedy="Give one: the file names its own kubeconfigs.")
        found = _alone(kubeconfig, context)
    elif context is not None:
        message = "--context belongs to --kubeconfig"
        raise UsageError(
            message, remedy="Write blue.context in the migration file, or add --kubeconfig FILE."
        )
    else:
        found = _both(file, file_option, state)
    if output == "text":
        for line in lines(found, everything=everything):
            say.line(line)
    else:
        say.document(document(found), output)
    _leave(found, output)


def _both(file: str | None, option: str | None, state: str | None) -> Assessment:
    project = load(file, option, state)
    with looking(project) as doors:
        seen = doors.doors.provisioner.observe()
        if seen.state is not State.DONE and project.migration.green.provisioner.kind == "existing":
            message = f"green is said to exist, but it cannot be reached: {seen.evidence}"
            raise Stopped(
                message,
                remedy="Mend green.provisioner in the migration file; cnimigrate assess --kubeconfig FILE "
                "looks at blue alone.",
            )
        blue, green, findings = look(scene_of(project, doors))
    half = seen.evidence if seen.state in {State.PARTIAL, State.FOREIGN} else ""
    return Assessment(project.migration, blue, green, findings, unusable=half)


def _alone(kubeconfig: str, context: str | None) -> Assessment:
    """Assess a blue without a file: against the ranges that `init` would recommend."""
    with blue_alone(kubeconfig, context, None) as wired:
        inventory, blue = facts_of(wired.doors.blue)
        assess.require_route(blue.cnis)
        missing = missing_rights("blue", wired.doors.blue, RIGHTS_BLUE)
    unplanned = Migration.model_validate({"metadata": {"name": "blue"}, "blue": {"kubeconfig": kubeconfig}})
    migration = recommend(blue, outside_addresses(inventory)).planned(unplanned)
    findings = assess.findings(blue, None, migration, inventory, None, missing)
    return Assessment(migration, blue, None, findings, recommended=True)


def document(found: Assessment) -> dict[str, Any]:
    """The assessment as one JSON document; holds no object of the cluster, so no Secret's value."""
    network = found.migration.green.network
    return {
        "blue": _plain(found.blue),
        "green": _plain(found.green) if found.green is not None else None,
        "greenUnusable": found.unusable,
        "planned": {
            "calico": found.migration.green.calico.version,
            "podCIDR": network.pod_cidr,
            "serviceCIDR": network.service_cidr,
            "recommended": found.recommended,
        },
        "counts": {s.value: found.count(s) for s in Severity},
        "findings": [{**_plain(f), "docs": anchor(f)} for f in found.findings],
    }


def lines(found: Assessment, *, everything: bool) -> Iterator[str]:
    """The assessment as a screen: what is there, then what stands in the way, blockers first."""
    width = tables.width()
    yield _head(found)
    yield from _facts(found, width)
    if found.unusable:
        yield from tables.hanging("green    ", f"not looked at: {found.unusable}", width)
    yield ""
    shown = _shown(found, everything=everything)
    for finding in shown:
        yield from _finding(finding, width)
    left = [f for f in found.findings if f not in shown]
    if left:
        said = [
            tables.counted(sum(f.severity is s for f in left), word)
            for s, word in ((Severity.WARNING, "more warning"), (Severity.NOTE, "note"))
            if any(f.severity is s for f in left)
        ]
        yield f"  {', '.join(said)}: --all"
    if found.findings:
        yield ""
    if not found.count(Severity.BLOCKER):
        following = (
            "cnimigrate init --kubeconfig FILE drafts the migration file"
            if found.recommended
            else "cnimigrate rehearse"
        )
        yield f"0 blockers. Nothing was changed. Next: {following}"


def anchor(finding: Finding) -> str:
    """Where a finding's code is explained."""
    return f"docs/findings.md#{finding.code.lower()}"


def _head(found: Assessment) -> str:
    blue, green = found.blue, found.green
    version = found.migration.green.calico.version
    there = f"green ({green.name})  {green.version}, {green.nodes} nodes" if green is not None else "green"
    state = "" if green is not None else (" (not planned yet)" if found.recommended else " (not there yet)")
    return (
        f"blue ({blue.name})  {blue.version}, {tables.counted(blue.nodes, 'node')}, "
        f"{tables.counted(blue.pods, 'pod')}   {say.sign('next')}  {there}: Calico {version}{state}"
    )


def _facts(found: Assessment, width: int) -> Iterator[str]:
    blue, cni = found.blue, found.blue.cni
    ready = f"; {cni.ready} of {cni.desired} pods ready" if cni.desired else ""
    evidence = tables.one_line("; ".join(cni.evidence)) + ready
    yield from tables.hanging("CNI      ", f"{cni_words(cni)}   {evidence}", width)
    for other in blue.cnis[1:]:
        yield from tables.hanging(
            "         beside it ", f"{cni_words(other)}   {'; '.join(other.evidence)}", width
        )
    network = found.migration.green.network
    nodes = str(blue.details.get("nodeRange") or "unknown")
    word = "recommended for green" if found.recommended else "green"
    yield from tables.hanging(
        "Ranges   ",
        f"pods {_list(blue.pod_cidrs)}   services {_list(blue.service_cidrs)}   nodes {nodes}"
        f"   {word}: pods {network.pod_cidr}   services {network.service_cidr}",
        width,
    )


def _shown(found: Assessment, *, everything: bool) -> Sequence[Finding]:
    if everything:
        return found.findings
    warnings = [f for f in found.findings if f.severity is Severity.WARNING]
    return [f for f in found.findings if f.severity is Severity.BLOCKER] + warnings[:SHOWN]


def _finding(finding: Finding, width: int) -> Iterator[str]:
    label = f"  {finding.severity.value:<8} {finding.code:<11} "
    under = " " * len(label)
    yield from tables.hanging(label, f"{finding.title}: {tables.one_line(finding.evidence)}", width)
    yield from tables.hanging(under, finding.consequence, width)
    yield from tables.hanging(f"{under}{say.sign('next')} ", finding.remedy, width)
    yield f"{under}{anchor(finding)}"


def _leave(found: Assessment, form: str) -> None:
    blockers = [f.code for f in found.findings if f.severity is Severity.BLOCKER]
    if not blockers:
        return
    again = "cnimigrate assess again" if form != "text" or found.recommended else "cnimigrate rehearse"
    message = f"{tables.counted(len(blockers), 'blocker')}. Nothing was changed."
    raise CheckFailed(message, remedy=f"Mend {', '.join(dict.fromkeys(blockers))}, then {again}")


def _list(cidrs: Sequence[str]) -> str:
    return ", ".join(cidrs) or "unknown"


def _plain(value: Any) -> dict[str, Any]:
    # the YAML writer takes plain texts only, and a severity or a CNI's name is an enumeration
    plain: dict[str, Any] = json.loads(json.dumps(asdict(value)))
    return plain
