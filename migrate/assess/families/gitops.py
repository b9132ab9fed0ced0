"""GITOPS: what Argo CD and Flux keep on blue, and who would do so on green."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from migrate.assess.families import Code, Situation
from migrate.assess.wording import count, few
from migrate.model.facts import Finding, Severity
from migrate.model.objects import controller_of
from migrate.replay.gitops import Keeper, Keepers

ABSENT = Code(
    "GITOPS-001",
    Severity.BLOCKER,
    "green has no GitOps to make what is left to it",
    "With workloads.gitops: compare, what Argo CD or Flux keep on blue is not written. Green is asked for the kinds of "
    "what keeps it (Applications, Kustomizations, HelmReleases) and for one object of each at least.",
    "Nobody would make these objects on green: the run waits for them before it writes, and again as it verifies.",
    "Set green's own Argo CD or Flux up on the same Git, let it synchronise, then run; or say workloads.gitops: replay.",
)
ELSEWHERE = Code(
    "GITOPS-002",
    Severity.WARNING,
    "an Argo CD outside blue keeps objects of blue",
    "Objects that move carry tracking annotations of Argo CD, and blue serves no Applications: they are on another cluster.",
    "It is not paused by the run, and would start again on blue what the cutover puts to rest there.",
    "Before the cutover switch off automated sync of these Applications where they are (argocd app set NAME "
    "--sync-policy none), and do not point them at green before finish.",
)
CODES = (ABSENT, ELSEWHERE)


def find(situation: Situation) -> Iterator[Finding]:
    """Ask who keeps each object that moves, and whether green has the like."""
    keepers = _keepers(situation)
    outside = {keeper.ref.name: number for keeper, number in keepers.items() if not keeper.here}
    if outside:
        yield ELSEWHERE.found(few(f"Application {n} ({count(v, 'object')})" for n, v in outside.items()))
    green = situation.green_inventory
    if situation.migration.workloads.gitops != "compare" or green is None:
        return
    missing: Counter[tuple[str, str]] = Counter()
    for keeper, number in keepers.items():
        if keeper.here and not green.of(keeper.ref.kind, keeper.ref.group):
            missing[keeper.ref.group, keeper.ref.kind] += number
    if missing:
        yield ABSENT.found(
            few(f"no {kind}.{group} keeps {count(n, 'object')}" for (group, kind), n in missing.items())
        )


def _keepers(situation: Situation) -> Counter[Keeper]:
    """How many objects that move, and that nothing else makes, each keeper has."""
    keepers = Keepers(situation.blue_inventory)
    found: Counter[Keeper] = Counter()
    for _, obj in situation.blue_inventory:
        keeper = keepers.of(obj)
        if keeper is not None and controller_of(obj) is None and situation.moves(obj):
            found[keeper] += 1
    return found
