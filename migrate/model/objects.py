"""Kubernetes objects as plain JSON, and the names by which they are spoken of.

An object is the JSON mapping that the API serves; functions here read it and never change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import quote

Object = Mapping[str, Any]
"""One Kubernetes object, as the API's JSON; treated as immutable everywhere."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One served resource: what discovery says of it; `group` is empty for the core group.

    `version` is the one it is spoken of in, the server's preferred one unless somebody chose another; `others` are
    further versions in which the same objects are served, in the server's order.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()
    others: tuple[str, ...] = ()

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version in which the server gives and takes its objects, this one first."""
        return (self.version, *self.others)

    def at(self, version: str) -> Resource:
        """The same resource spoken of in another version, served or not."""
        if version == self.version:
            return self
        others = tuple(other for other in self.versions if other != version)
        return replace(self, version=version, others=others)

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """`plural.group`, as kubectl names it; the plural alone for the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def collection(self, namespace: str = "") -> str:
        """The path of the collection; of all namespaces where none is given."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        within = f"/namespaces/{quote(namespace, safe='')}" if namespace and self.namespaced else ""
        return f"{root}{within}/{self.plural}"

    def member(self, name: str, namespace: str = "") -> str:
        """The path of one object. A name may hold a colon, as RBAC's do, and is quoted."""
        return f"{self.collection(namespace)}/{quote(name, safe='')}"


class Ref(NamedTuple):
    """What names an object for a person and a journal: group, kind, namespace and name; no version."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """`Kind namespace/name`, with the group where it is not a built-in one (it has a dot)."""
        kind = (
            f"{self.kind}.{self.group}"
            if "." in self.group and not self.group.endswith(".k8s.io")
            else self.kind
        )
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"

    def as_json(self) -> dict[str, str]:
        """The reference as JSON, for an Action's parameters."""
        return {"group": self.group, "kind": self.kind, "namespace": self.namespace, "name": self.name}

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Ref:
        """Read back what `as_json` wrote."""
        return cls(value["group"], value["kind"], value["namespace"], value["name"])


def group_of(obj: Object) -> str:
    """The API group of an object; empty for the core group."""
    return str(obj.get("apiVersion", "")).rpartition("/")[0]


def version_of(obj: Object) -> str:
    """The version of its group in which an object is written."""
    return str(obj.get("apiVersion", "")).rpartition("/")[2]


def kind_of(obj: Object) -> str:
    """The kind of an object."""
    return str(obj.get("kind", ""))


def metadata_of(obj: Object) -> Mapping[str, Any]:
    """The metadata of an object; empty where it has none."""
    metadata: Mapping[str, Any] = obj.get("metadata") or {}
    return metadata


def name_of(obj: Object) -> str:
    """The name of an object."""
    return str(metadata_of(obj).get("name", ""))


def namespace_of(obj: Object) -> str:
    """The namespace of an object; empty where it has none."""
    return str(metadata_of(obj).get("namespace") or "")


def labels_of(obj: Object) -> Mapping[str, str]:
    """The labels of an object."""
    labels: Mapping[str, str] = metadata_of(obj).get("labels") or {}
    return labels


def annotations_of(obj: Object) -> Mapping[str, str]:
    """The annotations of an object."""
    annotations: Mapping[str, str] = metadata_of(obj).get("annotations") or {}
    return annotations


def ref_of(obj: Object) -> Ref:
    """The reference of an object."""
    metadata = metadata_of(obj)  # once: a big cluster's objects are asked for their names by the million
    name, namespace = str(metadata.get("name", "")), str(metadata.get("namespace") or "")
    return Ref(group_of(obj), kind_of(obj), namespace, name)


def dig(obj: Any, *path: str, default: Any = None) -> Any:
    """The value at a path of keys, or the default where a key is missing or its parent is no mapping."""
    for key in path:
        # a dict first: asking the abstract class takes longer than all the rest
        if (type(obj) is not dict and not isinstance(obj, Mapping)) or key not in obj:
            return default
        obj = obj[key]
    return obj


def is_established(definition: Object) -> bool:
    """Whether a CustomResourceDefinition's conditions say that its kind is served."""
    conditions = dig(definition, "status", "conditions") or ()
    return any(c.get("type") == "Established" and c.get("status") == "True" for c in conditions)


def stored_version(definition: Object) -> str:
    """The version in which a definition's objects are stored, where a webhook makes every other one of it.

    Empty where the server converts by itself, or does not serve what it stores.
    """
    if dig(definition, "spec", "conversion", "strategy") != "Webhook":
        return ""
    versions = dig(definition, "spec", "versions") or ()
    return next((str(v.get("name", "")) for v in versions if v.get("storage") and v.get("served")), "")


def end_of_job(job: Object) -> str:
    """How a Job ended, as its condition says: "Complete" or "Failed"; empty where it has not."""
    for condition in dig(job, "status", "conditions") or ():
        if condition.get("type") in {"Complete", "Failed"} and condition.get("status") == "True":
            return str(condition["type"])
    return ""


def controller_of(obj: Object) -> Mapping[str, Any] | None:
    """The owner reference with `controller: true`, if the object has one."""
    for owner in metadata_of(obj).get("ownerReferences") or ():
        if owner.get("controller"):
            found: Mapping[str, Any] = owner
            return found
    return None
