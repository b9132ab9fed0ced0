"""HELM: releases that Helm could list on green, but not upgrade."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from migrate.assess.families import Code, Situation
from migrate.assess.wording import few
from migrate.model.facts import Finding, Severity
from migrate.model.objects import dig
from migrate.replay import kinds
from migrate.replay.releases import Release, records, release_of

GONE = Code(
    "HELM-001",
    Severity.WARNING,
    "Helm releases name API versions that green does not serve",
    "The newest record of each Helm release that moves is read (kinds and names, no values): its manifest is what Helm "
    "compares an upgrade with. Named are the API versions in it that green does not serve, those of definitions that move "
    "left out. The objects themselves are read and written in versions that green has.",
    "helm list shows the release on green, but helm upgrade fails there: unable to build kubernetes objects from current "
    "release manifest.",
    "Rewrite the records on blue before the replay, with Helm's plugin mapkubeapis, and move the chart to the newer API.",
)
CODES = (GONE,)


def find(situation: Situation) -> Iterator[Finding]:
    """Hold the API versions of the newest records against green's discovery."""
    green = situation.green_inventory
    if green is None:
        return
    served = {(r.group, r.kind): r.versions for r in green.resources}
    defined = {
        (dig(d, "spec", "group"), dig(d, "spec", "names", "kind"))
        for d in situation.moving(*reversed(kinds.DEFINITION))
    }
    found: dict[Release, list[str]] = {}
    for revision, record in records(situation.blue_inventory).values():
        if situation.moves(record):
            release = release_of(revision, record)
            gone = list(_gone(release, served, defined))
            if gone:
                found[release] = gone
    if found:
        said = few((f"{release}: {', '.join(gone)}" for release, gone in found.items()), 10)
        commands = " && ".join(f"helm mapkubeapis {r.name} --namespace {r.namespace}" for r in found)
        yield GONE.found(said, remedy=f"{GONE.remedy} {commands}")


def _gone(
    release: Release, served: Mapping[kinds.Kind, tuple[str, ...]], defined: set[kinds.Kind]
) -> Iterator[str]:
    """The API versions of a release that green does not serve, each once, with the kind."""
    for api_version, kind in sorted({(p.api_version, p.kind) for p in release.parts}):
        group, _, version = api_version.rpartition("/")
        if (group, kind) not in defined and version not in served.get((group, kind), ()):
            yield f"{api_version} {kind}"
