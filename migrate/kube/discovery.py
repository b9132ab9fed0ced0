"""What a server serves, each resource once with all its versions: aggregated discovery, else group by group.

Aggregated discovery is KEP-3352: beta in 1.27, stable in 1.30; an older server answers with the plain lists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from migrate.errors import DoorError, Unauthorized, Unreachable
from migrate.kube.transport import Request
from migrate.model.objects import Resource

ACCEPT = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)

Fetch = Callable[[Request], Any]
"""Send a request and return its JSON; raises a DoorError."""


@dataclass(frozen=True, slots=True)
class Served:
    """What was discovered, and the group versions that were not, with the reason: an aggregated API that is down."""

    resources: tuple[Resource, ...]
    undiscovered: Mapping[str, str]


def discover(fetch: Fetch) -> Served:
    """Ask for everything that is served; one broken group version costs itself only."""
    found: list[Resource] = []
    missing: dict[str, str] = {}
    for root in ("/api", "/apis"):
        document = fetch(Request("GET", root, f"discover {root}", accept=ACCEPT))
        if document.get("kind") == "APIGroupDiscoveryList":
            found.extend(_aggregated(document, missing))
        else:
            found.extend(_legacy(document, fetch, missing))
    return Served(tuple(found), missing)


def _aggregated(document: Mapping[str, Any], missing: dict[str, str]) -> Iterator[Resource]:
    for entry in document.get("items") or ():
        group = entry.get("metadata", {}).get("name", "")
        served = []
        for version in entry.get("versions") or ():
            if version.get("freshness") == "Stale":  # its server did not answer when it was last asked
                missing[_group_version(group, version["version"])] = "the server behind it does not answer"
                continue
            served.append(
                [_of_aggregated(group, version["version"], r) for r in version.get("resources") or ()]
            )
        yield from _one_each(served)


def _of_aggregated(group: str, version: str, entry: Mapping[str, Any]) -> Resource:
    kind = (entry.get("responseKind") or {}).get("kind", "")
    namespaced = entry.get("scope") == "Namespaced"
    return Resource(group, version, entry["resource"], kind, namespaced, frozenset(entry.get("verbs") or ()))


def _legacy(document: Mapping[str, Any], fetch: Fetch, missing: dict[str, str]) -> Iterator[Resource]:
    if document.get("kind") == "APIVersions":
        groups = {"": [str(version) for version in document.get("versions") or ()]}
    else:
        groups = {group["name"]: _versions(group) for group in document.get("groups") or ()}
    for group, versions in groups.items():
        served = []
        for version in versions:
            name = _group_version(group, version)
            try:
                listed = fetch(
                    Request("GET", f"/apis/{name}" if group else f"/api/{version}", f"discover {name}")
                )
            except (Unauthorized, Unreachable) as error:
                if isinstance(error, Unauthorized) or not group:
                    raise
                missing[name] = str(error)  # 503 of the aggregator, for a server that is down
            except DoorError as error:
                missing[name] = str(error)
            else:
                served.append(
                    [_of_legacy(group, version, r) for r in listed.get("resources") or () if _whole(r)]
                )
        yield from _one_each(served)


def _versions(group: Mapping[str, Any]) -> list[str]:
    versions = [str(v["version"]) for v in group.get("versions") or ()]
    preferred = (group.get("preferredVersion") or {}).get("version")
    return sorted(versions, key=lambda version: version != preferred)  # stable: the rest stays in order


def _whole(entry: Mapping[str, Any]) -> bool:
    return "/" not in entry["name"]  # a subresource, such as deployments/scale


def _of_legacy(group: str, version: str, entry: Mapping[str, Any]) -> Resource:
    verbs = frozenset(entry.get("verbs") or ())
    return Resource(group, version, entry["name"], entry["kind"], bool(entry["namespaced"]), verbs)


def _one_each(versions: Iterable[Iterable[Resource]]) -> Iterator[Resource]:
    """Each resource in the first version that has it; a group's preferred version need not have them all."""
    served: dict[str, list[Resource]] = defaultdict(list)
    for resources in versions:
        for resource in resources:
            served[resource.plural].append(resource)
    for first, *rest in served.values():
        yield replace(first, others=tuple(resource.version for resource in rest))


def _group_version(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version
