"""Look at both sides, and stop where a finding says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from migrate import assess, replay
from migrate.actions.record import record
from migrate.doors.cluster import Cluster
from migrate.doors.doors import Doors
from migrate.doors.reading import green_serves, read_inventory
from migrate.engine.step import Batches, Scene
from migrate.errors import ClusterUnreachable, CredentialsRefused, Unauthorized, Unreachable
from migrate.model.action import State
from migrate.model.facts import ClusterFacts, Finding, Severity
from migrate.model.ids import Phase, StepId
from migrate.model.inventory import Inventory
from migrate.model.objects import Resource
from migrate.model.verdict import Verdict, failed, passed
from migrate.steps.base import BaseStep

RIGHTS_BLUE = (
    ("list", Resource("", "v1", "secrets", "Secret", namespaced=True)),
    ("patch", Resource("apps", "v1", "deployments", "Deployment", namespaced=True)),
    # what rests says in a note how it was, which controllers copy to these; the way back takes the copies away
    ("patch", Resource("apps", "v1", "replicasets", "ReplicaSet", namespaced=True)),
    ("patch", Resource("apps", "v1", "controllerrevisions", "ControllerRevision", namespaced=True)),
    ("create", Resource("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True)),
)
RIGHTS_GREEN = (
    ("create", Resource("", "v1", "namespaces", "Namespace", namespaced=False)),
    ("create", Resource("apps", "v1", "deployments", "Deployment", namespaced=True)),
    ("create", Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)),
    (
        "create",
        Resource(
            "apiextensions.k8s.io",
            "v1",
            "customresourcedefinitions",
            "CustomResourceDefinition",
            namespaced=False,
        ),
    ),
)


class AssessSides(BaseStep):
    """Facts of both sides, and the findings that follow."""

    id: ClassVar[StepId] = StepId("assess.sides")
    phase: ClassVar[Phase] = Phase.ASSESS
    title: ClassVar[str] = "look at blue and green, and stop at blockers"

    def batches(self, scene: Scene) -> Batches:
        """Record the findings as verdicts; a blocker fails."""
        _, _, found = look(scene)
        verdicts = verdicts_of(found)
        counts = {s.value: sum(f.severity is s for f in found) for s in Severity}
        yield [record("findings", verdicts, facts=counts)]


def look(scene: Scene) -> tuple[ClusterFacts, ClusterFacts | None, tuple[Finding, ...]]:
    """Read both sides and find; green is left out while it does not exist."""
    blue_inventory, blue = blue_facts(scene.doors)
    assess.require_route(blue.cnis, scene.migration.blue.cni)
    missing = missing_rights("blue", scene.doors.blue, RIGHTS_BLUE)
    green_inventory, green = None, None
    if scene.doors.provisioner.observe().state is State.DONE:
        green_inventory, green = facts_of(scene.doors.green)
        missing += missing_rights("green", scene.doors.green, RIGHTS_GREEN)
    found = assess.findings(blue, green, scene.migration, blue_inventory, green_inventory, missing)
    return blue, green, found


def blue_facts(doors: Doors) -> tuple[Inventory, ClusterFacts]:
    """Blue read whole, each kind in a version that green serves too where there is one. Raises as `facts_of`."""
    with _named(doors.green):
        beside = green_serves(doors)
    return facts_of(doors.blue, beside=beside)


def facts_of(cluster: Cluster, *, beside: Sequence[Resource] = ()) -> tuple[Inventory, ClusterFacts]:
    """Read a cluster whole, and what assess makes of it; `beside` is what green serves, for a reading of blue.

    Raises ClusterUnreachable or CredentialsRefused, which say the side.
    """
    with _named(cluster):
        inventory = read_inventory(cluster, at=replay.readable(beside))
        return inventory, assess.cluster_facts(inventory, name=cluster.name, uid=cluster.identity().uid)


@contextmanager
def _named(cluster: Cluster) -> Iterator[None]:
    """Say in an error which side it was: a door does not know that there is another."""
    try:
        yield
    except Unreachable as error:
        raise ClusterUnreachable(
            f"{cluster.side} ({cluster.name}) does not answer: {error}",
            remedy="Nothing was changed. Mend the way to the cluster, then run the same command.",
        ) from error
    except Unauthorized as error:
        raise CredentialsRefused(
            f"{cluster.side} ({cluster.name}) refuses the credentials: {error}",
            remedy=f"Nothing was changed. Renew the credentials in {cluster.side}'s kubeconfig, "
            "then run the same command.",
        ) from error


def verdicts_of(found: tuple[Finding, ...]) -> tuple[Verdict, ...]:
    """Blockers as failed verdicts; without one, a single passed verdict."""
    blockers = [f for f in found if f.severity is Severity.BLOCKER]
    if not blockers:
        return (passed("findings", f"{len(found)} findings, 0 blockers"),)
    return tuple(failed(f"finding {f.code}", f"{f.title}: {f.evidence}", f.remedy) for f in blockers)


def missing_rights(side: str, cluster: Cluster, rights: tuple[tuple[str, Resource], ...]) -> list[str]:
    """Ask the server for rights that a run will need; those that are missing, as "blue: list secrets"."""
    return [f"{side}: {verb} {resource.name}" for verb, resource in rights if not cluster.may(verb, resource)]
