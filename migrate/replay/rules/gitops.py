"""What Argo CD and Flux keep, and what keeps them going."""

from __future__ import annotations

from migrate.model.decision import Form
from migrate.model.ids import RuleId
from migrate.model.objects import dig, labels_of
from migrate.replay import kinds
from migrate.replay.addresses import fixed_address
from migrate.replay.classes import SERVING
from migrate.replay.gitops import automated_elsewhere, own_kind
from migrate.replay.outsiders import outside_turn
from migrate.replay.rule import Rule, Subject, ask, skip
from migrate.replay.surroundings import Surroundings
from migrate.replay.switches import rests, switch_of
from migrate.replay.turns import POOLS, Turn


def _automated_elsewhere(subject: Subject, _surroundings: Surroundings) -> str | None:
    where = automated_elsewhere(subject.obj)
    return f"{where} switches automated sync on" if where else None


def _left_to_git(surroundings: Surroundings) -> bool:
    return surroundings.blue.migration.workloads.gitops == "compare"


def _own(subject: Subject, surroundings: Surroundings) -> str | None:
    """Match what tells blue's GitOps what to apply, and the controllers that do it."""
    if not _left_to_git(surroundings):
        return None
    if own_kind(subject.kind):
        return ""
    # a Job or CronJob with such an image is somebody's own script
    runs = subject.kind in kinds.WORKLOADS
    return "" if runs and outside_turn(kinds.pod_of(subject.kind, subject.obj)) is Turn.GITOPS else None


def _release(subject: Subject, surroundings: Surroundings) -> str | None:
    """Match Helm's records of what a HelmRelease installs: beside one of them green's Flux would install nothing."""
    if not _left_to_git(surroundings) or labels_of(subject.obj).get("owner") != "helm":
        return None
    release = surroundings.keepers.releases.get(
        (subject.ref.namespace, labels_of(subject.obj).get("name", ""))
    )
    return f"kept by {release}" if release is not None else None


def _twice(subject: Subject, surroundings: Surroundings) -> str | None:
    """Match what is kept and must not run on both sides."""
    keeper = _kept(subject, surroundings)
    why = _alone(subject, surroundings) if keeper is not None else ""
    return f"{keeper}; {why}" if why else None


def _alone(subject: Subject, surroundings: Surroundings) -> str:
    if subject.kind in kinds.WORKLOADS or subject.kind == kinds.POD:
        found = surroundings.classes.of(subject.obj)
        return "" if found.word == SERVING else f"{found.word}: {', '.join(found.evidence)}"
    if subject.kind == kinds.CRON_JOB:
        return "" if dig(subject.obj, "spec", "suspend") else "its runs would come twice"
    if subject.kind == kinds.SERVICE:
        return "both clusters would announce its address" if fixed_address(subject.obj) else ""
    if switch_of(subject.kind) is not None:
        return "" if rests(subject) else "it would start work on both sides"
    if subject.ref.group in POOLS:
        return "both clusters would announce its addresses"
    offspring = surroundings.parents.of(subject.ref)
    # replay of one that is named outright means that both sides may run it (`custom.never-twice`)
    return f"{offspring}; in the place of replay say hold" if offspring is not None else ""


def _kept(subject: Subject, surroundings: Surroundings) -> str | None:
    keeper = surroundings.keepers.of(subject.obj) if _left_to_git(surroundings) else None
    return f"kept by {keeper}" if keeper is not None else None


RULES: tuple[Rule, ...] = (
    ask(
        "decide.application-set",
        "ApplicationSets that switch automated sync on beside their template",
        "the run cannot pause what it makes; take `automated` out of there on blue, or stop the ApplicationSet "
        "controller until the cutover and say replay, or say skip",
        kinds.APPLICATION_SET,
        when=_automated_elsewhere,
    ),
    skip(
        "gitops.own",
        "with `workloads.gitops: compare`: Argo CD's and Flux's own objects, and their controllers",
        "green has its own, which are told there what to apply",
        when=_own,
    ),
    skip(
        "gitops.release",
        "with `workloads.gitops: compare`: Helm's records of what a HelmRelease installs",
        "green's Flux installs it and keeps a record of its own; beside blue's it would install nothing",
        kinds.SECRET,
        kinds.CONFIG_MAP,
        when=_release,
    ),
    ask(
        "gitops.twice",
        "with `workloads.gitops: compare`: what Argo CD or Flux keep and must not run on both sides",
        "green's GitOps would let it run beside blue's; keep it at rest in green's Git and move it by hand at the cutover "
        "(say skip), or take it out of green's Git until then (say replay)",
        when=_twice,
    ),
    Rule(
        RuleId("gitops.compare"),
        Form.COMPARED,
        "with `workloads.gitops: compare`: everything else that Argo CD or Flux keep",
        "green's GitOps makes it; it is held against blue's",
        None,
        _kept,
    ),
)
