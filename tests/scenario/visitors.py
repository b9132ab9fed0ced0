"""What belongs to others, beside a move and inside its namespaces: nothing of it may be touched, not even rewritten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migrate.cli.project import Project
from migrate.doors.cluster import Verb, Write
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource, kind_of, name_of, namespace_of
from tests.scenario.endings import bodies
from tests.scenario.hands import CONFIG_MAPS, created
from tests.scenario.moves import world_of

VISITORS = "visitors"

_NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
_ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False)

_UNTOUCHED = frozenset(
    {"ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
    | {"NetworkPolicy", "StorageClass"}
)
"""Kinds of blue that no plan patches and no controller writes to: each write would show in their resourceVersion."""


def come(project: Project) -> None:
    """Let others stand on green: in a namespace of theirs, in one that is replayed, and for the whole cluster.

    The replayed one is `default`, into which blue gets something to move.
    """
    created(project, Side.BLUE, CONFIG_MAPS, "default/shared", data={"from": "blue"})
    with world_of(project) as world:
        green = world.cluster(Side.GREEN)
        for resource in (_NAMESPACES, _ROLES):
            body: Object = {
                "apiVersion": resource.api_version,
                "kind": resource.kind,
                "metadata": {"name": VISITORS},
            }
            green.write(Write(Verb.CREATE, resource, VISITORS, body=body))
    for place in (VISITORS, "default"):
        created(project, Side.GREEN, CONFIG_MAPS, f"{place}/{VISITORS}", data={"from": "others"})
    with world_of(project) as world:
        world.settle()


def identities(project: Project) -> Mapping[str, Any]:
    """UID and resourceVersion of everything that is none of a move's business, on both sides."""
    found = {}
    with world_of(project) as world:
        for side in Side:
            for obj in bodies(world, side):
                theirs = VISITORS in {name_of(obj), namespace_of(obj)}
                if theirs if side is Side.GREEN else kind_of(obj) in _UNTOUCHED:
                    where = f"{side} {kind_of(obj)} {namespace_of(obj)}/{name_of(obj)}"
                    found[where] = (obj["metadata"]["uid"], obj["metadata"]["resourceVersion"])
    return found
