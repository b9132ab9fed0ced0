"""Which namespaces move, and which cluster-scoped objects belong to those that do not."""

from __future__ import annotations

from migrate.model.objects import dig
from migrate.replay import kinds
from migrate.replay.operator import SYSTEM_NAMESPACES, brings_into
from migrate.replay.rule import Rule, Subject, skip
from migrate.replay.surroundings import Surroundings


def _space(subject: Subject) -> str:
    return subject.ref.name if subject.kind == kinds.NAMESPACE else subject.ref.namespace


def _system(subject: Subject, surroundings: Surroundings) -> str | None:
    if _space(subject) not in SYSTEM_NAMESPACES or subject.ref in surroundings.blue.system_bindings:
        return None
    if subject.kind == kinds.NAMESPACE and surroundings.selected_namespaces.carried(subject.obj):
        return None
    return f"namespace {_space(subject)}"


def _gone(subject: Subject, surroundings: Surroundings) -> str | None:
    if not subject.ref.namespace:
        return None
    why = surroundings.blue.gone(subject.ref.namespace)
    return f"Namespace {subject.ref.namespace}: {why}" if why else None


def _excluded(subject: Subject, surroundings: Surroundings) -> str | None:
    space = _space(subject)
    if subject.ref in surroundings.blue.system_bindings:
        return None
    if subject.kind == kinds.NAMESPACE and (
        space in SYSTEM_NAMESPACES or brings_into(surroundings.blue.migration, space)
    ):
        return None
    return f"namespace {space}" if space and not surroundings.blue.moved(space) else None


def _binding(subject: Subject, surroundings: Surroundings) -> str | None:
    """Match a binding that speaks only of ServiceAccounts in namespaces that stay."""
    subjects = subject.obj.get("subjects") or ()
    spaces = {str(s.get("namespace", "")) for s in subjects if s.get("kind") == "ServiceAccount"}
    if not subjects or len(spaces) == 0 or any(s.get("kind") != "ServiceAccount" for s in subjects):
        return None
    return (
        None
        if any(surroundings.blue.moved(space) for space in spaces)
        else f"subjects in {', '.join(sorted(spaces))}"
    )


def _aggregated(subject: Subject, surroundings: Surroundings) -> str | None:
    space = dig(subject.obj, "spec", "service", "namespace")
    return f"Service in {space}" if space and not surroundings.blue.moved(space) else None


def _claimed(subject: Subject, surroundings: Surroundings) -> str | None:
    space = dig(subject.obj, "spec", "claimRef", "namespace")
    return f"claimed from namespace {space}" if space and not surroundings.blue.moved(space) else None


RULES: tuple[Rule, ...] = (
    skip(
        "namespace.system",
        "everything in kube-system, kube-public and kube-node-lease that `workloads.rules` do not name (but see "
        "`replay.system-binding` and `merge.system-namespace`)",
        "green has its own; what is yours there is named in workloads.rules",
        when=_system,
    ),
    skip(
        "namespace.gone",
        "objects of a Namespace that is being deleted, that your own rule skips, or that is the CNI's",
        "its Namespace does not move; where green has one of its own, name the object in workloads.rules",
        when=_gone,
    ),
    skip(
        "namespace.excluded",
        "namespaces outside `workloads.include`, or inside `workloads.exclude`",
        "the migration file leaves this namespace on blue",
        when=_excluded,
    ),
    skip(
        "namespace.binding",
        "ClusterRoleBindings whose ServiceAccounts are all in namespaces that stay",
        "nobody whom it gives rights to comes along",
        kinds.CLUSTER_ROLE_BINDING,
        when=_binding,
    ),
    skip(
        "namespace.api-service",
        "APIServices whose Service is in a namespace that stays",
        "what answers it does not come along; green's own installation brings it",
        kinds.API_SERVICE,
        when=_aggregated,
    ),
    skip(
        "namespace.volume",
        "PersistentVolumes claimed from a namespace that stays",
        "its claim does not come along",
        kinds.PERSISTENT_VOLUME,
        when=_claimed,
    ),
)
