"""Compose a Plan: the file, the facts and the steps become one value with an identity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from migrate.errors import PlanMismatch
from migrate.model.canonical import canonical
from migrate.model.facts import ClusterFacts
from migrate.model.ids import BatchName
from migrate.model.migration import Gates, GateSpec, GateValue, Migration
from migrate.model.plan import Plan, PlannedStep
from migrate.planning.migration_file import identity_part, revisable_part

WHOLE = BatchName("all")
"""The batch that holds everything, where the file names none."""


def batch_of(migration: Migration) -> BatchName:
    """The one batch of this release's runs."""
    return BatchName(migration.batches[0].name) if migration.batches else WHOLE


def compose(
    written: Migration,
    steps: Sequence[PlannedStep],
    blue: ClusterFacts,
    *,
    green_uid: str,
    digests: Mapping[str, str],
) -> Plan:
    """Compose revision 1 of a Plan from the file as written (paths unresolved, so that the state may move).

    `green_uid` is empty where the run itself makes green; `digests` are of the files that the file names.
    """
    identity = {
        "file": identity_part(written),
        "digests": dict(digests),
        "blue": blue.uid,
        "green": green_uid,
    }
    return Plan(written.name, tuple(steps), identity, revisable_part(written), pinned_of(blue))


def pinned_of(blue: ClusterFacts) -> dict[str, str]:
    """The short list of facts that must not change in a run."""
    return {
        "cni": blue.cni.name.value,
        "podCIDRs": ",".join(blue.pod_cidrs),
        "serviceCIDRs": ",".join(blue.service_cidrs),
        "blueMinor": ".".join(blue.version.lstrip("v").split(".")[:2]),
    }


def agree(journalled: Plan, composed: Plan) -> Plan:
    """The Plan to go on with: the journalled one; raises PlanMismatch (50) where file, cluster or facts changed."""
    if journalled.base != composed.base:
        raise PlanMismatch(
            "the Plan and the journal disagree: " + "; ".join(_differences(journalled, composed)),
            remedy="blue, green and network never change in a run. Put the file back as it was, or finish, or "
            "cnimigrate rollback; another move needs another metadata.name.",
        )
    if journalled.revisable != composed.revisable:
        changed = ", ".join(_changed(journalled.revisable, composed.revisable))
        raise PlanMismatch(
            f"the migration file changed since revision {journalled.revision}: {changed}",
            remedy="cnimigrate amend shows the difference and makes a new revision of it.",
        )
    return journalled


def amended(journalled: Plan, composed: Plan) -> Plan:
    """The next revision, with what may change taken from the file; raises PlanMismatch for what may not."""
    if journalled.base != composed.base:
        return agree(journalled, composed)
    return replace(composed, revision=journalled.revision + 1)


def changes(journalled: Plan, composed: Plan) -> tuple[str, ...]:
    """What differs between two revisions, one line a key."""
    return tuple(_difference(journalled.revisable, composed.revisable))


def gate_specs(gates: Gates) -> dict[str, GateSpec | None]:
    """How each gate opens; None where the step decides."""
    named: dict[str, GateValue | None] = {
        "before-replay": gates.before_replay,
        "before-start": gates.before_start,
        "before-cutover": gates.before_cutover,
        "before-full": gates.before_full,
        "before-writers": gates.before_writers,
    }
    return {
        name: value if value is None or isinstance(value, GateSpec) else GateSpec(mode=value)
        for name, value in named.items()
    }


def _changed(one: Mapping[str, object], other: Mapping[str, object]) -> list[str]:
    return [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]


def _difference(one: object, other: object, path: str = "") -> Iterator[str]:
    """The values that differ, each with its key; mappings are looked into, lists are shown whole."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            yield from _difference(one.get(key), other.get(key), f"{path}.{key}" if path else str(key))
    elif one != other:
        yield f"{path}: {canonical(one)} becomes {canonical(other)}"


def _differences(journalled: Plan, composed: Plan) -> list[str]:
    found = [
        f"{key} is another cluster (kube-system UID {composed.identity.get(key) or 'none'})"
        for key in ("blue", "green")
        if journalled.identity.get(key) != composed.identity.get(key)
    ]
    if journalled.identity.get("digests") != composed.identity.get("digests"):
        found.append("a file that the migration file names has other contents")
    found += [
        f"file: {path}" for path in _paths(journalled.identity.get("file"), composed.identity.get("file"))
    ]
    found += [
        f"{key} was {journalled.pinned.get(key)}, is {composed.pinned.get(key)}"
        for key in _changed(journalled.pinned, composed.pinned)
    ]
    if [s.identity() for s in journalled.steps] != [s.identity() for s in composed.steps]:
        found.append("this release has other steps")
    return found or ["unknown difference"]


def _paths(one: object, other: object, path: str = "") -> list[str]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = sorted({*one, *other})
        return [p for k in keys for p in _paths(one.get(k), other.get(k), f"{path}.{k}" if path else str(k))]
    return [] if one == other else [f"{path} changed"]
