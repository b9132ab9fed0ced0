"""Look at both sides, and stop where a finding says so."""

from __future__ import annotations

from typing import ClassVar

from migrate import assess
from migrate.actions.record import record
from migrate.doors.cluster import Cluster
from migrate.engine.step import Batches, Scene
from migrate.model.action import State
from migrate.model.facts import ClusterFacts, Finding, Severity
from migrate.model.ids import Phase, StepId
from migrate.model.objects import Resource
from migrate.model.verdict import Verdict, failed, passed
from migrate.steps.base import BaseStep
from migrate.steps.sides import blue_seen, facts_of, lately

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
    seen = lately(scene) or blue_seen(scene.doors)
    blue_inventory, blue = seen.inventory, seen.facts
    assess.require_route(blue.cnis, scene.migration.blue.cni)
    missing = missing_rights("blue", scene.doors.blue, RIGHTS_BLUE)
    green_inventory, green = None, None
    if scene.doors.provisioner.observe().state is State.DONE:
        green_inventory, green = facts_of(scene.doors.green)
        missing += missing_rights("green", scene.doors.green, RIGHTS_GREEN)
    found = assess.findings(blue, green, scene.migration, blue_inventory, green_inventory, missing)
    return blue, green, found


def verdicts_of(found: tuple[Finding, ...]) -> tuple[Verdict, ...]:
    """Blockers as failed verdicts; without one, a single passed verdict."""
    blockers = [f for f in found if f.severity is Severity.BLOCKER]
    if not blockers:
        return (passed("findings", f"{len(found)} findings, 0 blockers"),)
    return tuple(failed(f"finding {f.code}", f"{f.title}: {f.evidence}", f.remedy) for f in blockers)


def missing_rights(side: str, cluster: Cluster, rights: tuple[tuple[str, Resource], ...]) -> list[str]:
    """Ask the server for rights that a run will need; those that are missing, as "blue: list secrets"."""
    return [f"{side}: {verb} {resource.name}" for verb, resource in rights if not cluster.may(verb, resource)]
