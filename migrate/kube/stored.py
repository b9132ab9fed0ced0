"""In which version a custom resource is spoken of: where a webhook converts, in the one that needs no webhook's answer.

On green a definition stands before the program that converts for it; until that runs, a server takes, gives out and
deletes such objects in the version that it stores, and in no other. Discovery does not tell which one that is.
Source: kubernetes.io, custom-resource-definition-versioning#webhook-conversion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from migrate.errors import Refused
from migrate.kube.transport import Request
from migrate.model.groups import BUILT_IN_GROUPS
from migrate.model.objects import Resource, stored_version

_DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)


class StoredVersions:
    """Asks for the definition of each kind with several versions, once while its versions stay as they are."""

    def __init__(self, fetch: Callable[[Request], Any]) -> None:
        self._fetch = fetch
        self._known: dict[Resource, str] = {}

    def of(self, resources: Iterable[Resource]) -> Iterator[Resource]:
        """The resources, each in the version to speak of it in."""
        aggregated: set[str] = set()
        for resource in resources:
            if not resource.others or resource.group in BUILT_IN_GROUPS or resource.group in aggregated:
                yield resource
                continue
            try:
                version = self._known[resource] = self._known.get(resource) or self._asked(resource)
            except Refused:  # another server's group has no definition at all, and may have a thousand kinds
                aggregated.add(resource.group)
                version = ""
            yield resource.at(version) if version else resource

    def _asked(self, resource: Resource) -> str:
        path = _DEFINITIONS.member(resource.name)
        definition = self._fetch(Request("GET", path, f"read the definition of {resource.name}"))
        version = stored_version(definition)
        return version if version in resource.versions else resource.version
