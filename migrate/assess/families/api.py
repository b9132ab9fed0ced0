"""API: kinds that blue has objects of and green does not serve, or serves in another version."""

from __future__ import annotations

from collections.abc import Iterator

from migrate.assess.families import Code, Situation
from migrate.assess.projectcalico import GROUPS
from migrate.assess.wording import count, few
from migrate.model.facts import Finding, Severity
from migrate.model.inventory import Inventory
from migrate.model.objects import Object, Resource, controller_of, dig
from migrate.replay.versions import reaches, serves

NOT_SERVED = Code(
    "API-001",
    Severity.WARNING,
    "green does not serve kinds that blue has objects of",
    "Blue's built-in resources with objects that move are looked up in green's discovery. Kinds of custom resource "
    "definitions are left out, as the definitions move first; so are objects that something else makes.",
    "These objects cannot be written on green; the replay stops at the first of them unless a rule skips it.",
    "Convert them to a kind that green serves (a removed API has a successor in the Kubernetes deprecation guide), or "
    "write a rule in workloads.rules that skips them, with its reason.",
)
OTHER_VERSION = Code(
    "API-002",
    Severity.WARNING,
    "green serves a kind in other versions only",
    "Green serves none of the versions in which blue serves the kind, and no conversion from one of blue's to one of "
    "green's is known. Where both serve a version the objects are read in that one; what Kubernetes itself gave up, "
    "such as networking.k8s.io/v1beta1 Ingresses, is converted.",
    "The replay asks for a decision on each of these objects (green.other-version).",
    "Serve a version of blue's on green as well, or write the objects there yourself and write a rule in "
    "workloads.rules that skips them, with its reason.",
)
AGGREGATED = Code(
    "API-003",
    Severity.NOTE,
    "kinds of an aggregated API server",
    "An APIService with a Service behind it serves these kinds; their objects live in that server's own store.",
    "They exist on green only once that server runs there.",
    "Make sure that the server's own data moves, or that its objects are derived (metrics are).",
)
CODES = (NOT_SERVED, OTHER_VERSION, AGGREGATED)

_DERIVED = frozenset(
    {
        "Event",
        "Lease",
        "EndpointSlice",
        "Endpoints",
        "Node",
        "CSINode",
        "PodMetrics",
        "NodeMetrics",
        "ComponentStatus",
        "ControllerRevision",
        "IPAddress",
        "PodSecurityPolicy",  # PSP-001 says what to do
    }
)
_SUCCESSORS = ("apps", "networking.k8s.io", "policy")
"""Groups into which the kinds of `extensions` moved."""


def find(situation: Situation) -> Iterator[Finding]:
    """Compare blue's resources that have objects with green's discovery."""
    green = situation.green_inventory
    if green is None:
        return
    defined, aggregated = _defined(situation.blue_inventory), _aggregated(situation.blue_inventory)
    missing: list[str] = []
    other: list[str] = []
    served_elsewhere: list[str] = []
    for resource in situation.blue_inventory.resources:
        if (
            resource.kind in _DERIVED
            or (resource.group, resource.kind) in defined
            or resource.group in GROUPS
        ):
            continue
        number = sum(_written(situation, obj) for obj in situation.blue_inventory.objects.get(resource, ()))
        if not number:
            continue
        said = f"{resource.name} {resource.version} ({count(number, 'object')})"
        if resource.group in aggregated:
            served_elsewhere.append(said)
        elif not _served(green, resource):
            missing.append(said)
        elif not reaches(resource, serves(green.resources)):
            theirs = green.resource(resource.kind, resource.group)
            other.append(f"{said}, green has {', '.join(theirs.versions)}" if theirs else said)
    if missing:
        yield NOT_SERVED.found(few(missing, 10))
    if other:
        yield OTHER_VERSION.found(few(other, 10))
    if served_elsewhere:
        yield AGGREGATED.found(few(served_elsewhere, 10))


def _written(situation: Situation, obj: Object) -> bool:
    """Whether an object moves and is not made by a controller from another one."""
    return controller_of(obj) is None and situation.moves(obj)


def _served(green: Inventory, resource: Resource) -> bool:
    groups = _SUCCESSORS if resource.group == "extensions" else (resource.group,)
    return any(green.resource(resource.kind, group) is not None for group in groups)


def _defined(inventory: Inventory) -> set[tuple[str, str]]:
    crds: list[Object] = list(inventory.of("CustomResourceDefinition", "apiextensions.k8s.io"))
    return {(dig(c, "spec", "group", default=""), dig(c, "spec", "names", "kind", default="")) for c in crds}


def _aggregated(inventory: Inventory) -> set[str]:
    services = inventory.of("APIService", "apiregistration.k8s.io")
    return {str(dig(s, "spec", "group", default="")) for s in services if dig(s, "spec", "service")}
