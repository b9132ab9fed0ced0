"""Custom resources on both sides of the cluster door."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from migrate.doors.cluster import Verb, Write
from migrate.errors import Invalid, NotFound
from migrate.model.objects import Object, dig
from tests.contract.conftest import Bench


def crd(name: str, properties: Any, **more: Any) -> dict[str, Any]:
    """A CustomResourceDefinition of namespaced Things in a group of their own."""
    group = f"{name}.example.com"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
                    **more,
                }
            ],
        },
    }


def establish(bench: Bench, definition: Object) -> str:
    """Create a definition, wait until its resource is served, and return its group."""
    bench.create(definition)
    group = str(definition["spec"]["group"])

    def established() -> bool:
        found = bench.get(definition)
        conditions = {c["type"]: c["status"] for c in dig(found, "status", "conditions") or ()}
        return conditions.get("Established") == "True"

    bench.until("Established", established)
    bench.until("discovery of it", lambda: any(r.group == group for r in bench.cluster.resources()))
    return group


def thing(group: str, namespace: str, **more: Any) -> dict[str, Any]:
    """One Thing."""
    return {
        "apiVersion": f"{group}/v1",
        "kind": "Thing",
        "metadata": {"name": "t", "namespace": namespace},
        **more,
    }


class TestCustomResources:
    def test_one_object_is_read_and_written_in_every_version(self, bench: Bench, namespace: str) -> None:
        """A list is in the version that was asked for, and a write goes to the version that its body names."""
        definition = crd(
            f"g{uuid4().hex[:8]}", {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        )
        (newest,) = definition["spec"]["versions"]
        definition["spec"]["versions"].append({**newest, "name": "v1beta1", "storage": False})
        group = establish(bench, definition)
        (resource,) = [r for r in bench.cluster.resources() if r.group == group]
        assert resource.versions == ("v1", "v1beta1")
        older = resource.at("v1beta1")
        body = {**thing(group, namespace, spec={"size": 3}), "apiVersion": f"{group}/v1beta1"}
        made = bench.cluster.write(Write(Verb.CREATE, resource, "t", namespace, body))
        assert made["apiVersion"] == f"{group}/v1beta1"
        applied = {**body, "spec": {"size": 4}}
        write = Write(Verb.APPLY, resource, "t", namespace, applied, force=True)
        assert bench.cluster.write(write)["apiVersion"] == f"{group}/v1beta1"
        for asked in (resource, older):
            (found,) = [obj for page in bench.cluster.pages(asked, namespace=namespace) for obj in page]
            assert (found["apiVersion"], found["spec"]) == (asked.api_version, {"size": 4})
            assert (bench.cluster.get(asked, "t", namespace) or {})["apiVersion"] == asked.api_version
        with pytest.raises(NotFound):
            bench.cluster.write(
                Write(Verb.CREATE, resource, "t", namespace, {**body, "apiVersion": f"{group}/v2"})
            )
        bench.delete(definition)

    def test_where_a_webhook_converts_a_kind_is_spoken_of_in_its_stored_version(
        self, bench: Bench, namespace: str
    ) -> None:
        """Nobody answers the webhook yet: in the stored version objects are written, read, listed and deleted all the same."""
        definition = crd(
            f"g{uuid4().hex[:8]}", {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        )
        (stored,) = definition["spec"]["versions"]
        definition["spec"]["versions"].insert(0, {**stored, "name": "v2", "storage": False})
        nobody = {"namespace": namespace, "name": "nobody", "path": "/convert"}
        webhook = {"conversionReviewVersions": ["v1"], "clientConfig": {"service": nobody}}
        definition["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
        group = establish(bench, definition)
        (resource,) = [r for r in bench.cluster.resources() if r.group == group]
        assert resource.versions == ("v1", "v2")
        body = thing(group, namespace, spec={"size": 3})
        assert bench.cluster.write(Write(Verb.CREATE, resource, "t", namespace, body))["spec"] == {"size": 3}
        write = Write(Verb.PATCH, resource, "t", namespace, {"spec": {"size": 4}})
        assert bench.cluster.write(write)["spec"] == {"size": 4}
        (found,) = [obj for page in bench.cluster.pages(resource, namespace=namespace) for obj in page]
        assert (found["apiVersion"], found["spec"]) == (f"{group}/v1", {"size": 4})
        bench.cluster.write(Write(Verb.DELETE, resource, "t", namespace))
        bench.until("end of it", lambda: bench.cluster.get(resource, "t", namespace) is None)
        bench.delete(definition)

    def test_a_definition_is_served_once_established(self, bench: Bench, namespace: str) -> None:
        """It turns Established, is discovered, and its objects are pruned, checked and defaulted by its schema."""
        properties = {
            "spec": {
                "type": "object",
                "properties": {
                    "size": {"type": "integer", "minimum": 1},
                    "mode": {"type": "string", "default": "fast"},
                },
            }
        }
        definition = crd(f"g{uuid4().hex[:8]}", properties)
        group = establish(bench, definition)
        (resource,) = [r for r in bench.cluster.resources() if r.group == group]
        assert (resource.plural, resource.kind, resource.namespaced) == ("things", "Thing", True)
        assert {"create", "list", "patch"} <= resource.verbs
        made = bench.create(thing(group, namespace, spec={"size": 3, "unknown": 1}, extra=1))
        assert made["spec"] == {"size": 3, "mode": "fast"}
        assert "extra" not in made
        assert made["metadata"]["generation"] == 1
        with pytest.raises(Invalid):
            bench.patch(made, {"spec": {"size": 0}})
        with pytest.raises(Invalid):
            bench.patch(made, {"spec": {"size": "three"}})
        assert bench.patch(made, {"spec": {"size": 4}})["metadata"]["generation"] == 2
        bench.delete(definition)
        bench.until("end of the definition", lambda: bench.get(definition) is None)

    def test_unknown_fields_are_preserved_where_the_schema_says(self, bench: Bench, namespace: str) -> None:
        """x-kubernetes-preserve-unknown-fields keeps a subtree, numbers beyond 2^53 included."""
        properties = {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        definition = crd(f"g{uuid4().hex[:8]}", properties)
        group = establish(bench, definition)
        spec = {"any": {"thing": [1, "two"]}, "sequence": 2**53 + 1}
        made = bench.create(thing(group, namespace, spec=spec))
        assert made["spec"] == spec
        assert bench.get(made) == made
        bench.delete(definition)

    def test_a_custom_status_is_apart_where_declared(self, bench: Bench, namespace: str) -> None:
        """With the subresource, status and spec are written apart; a create leaves the status out."""
        anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        definition = crd(
            f"g{uuid4().hex[:8]}", {"spec": anything, "status": anything}, subresources={"status": {}}
        )
        group = establish(bench, definition)
        made = bench.create(thing(group, namespace, spec={"a": 1}, status={"b": 2}))
        assert "status" not in made
        after = bench.patch(made, {"status": {"b": 3}, "spec": {"a": 9}}, subresource="status")
        assert (after["spec"], after["status"]) == ({"a": 1}, {"b": 3})
        assert after["metadata"]["generation"] == 1
        bench.delete(definition)

    def test_objects_go_with_their_definition(self, bench: Bench, namespace: str) -> None:
        """To delete a definition deletes its objects: why blue's definitions are never deleted by us."""
        anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        definition = crd(f"g{uuid4().hex[:8]}", {"spec": anything})
        group = establish(bench, definition)
        made = bench.create(thing(group, namespace))
        resource = bench.resource("Thing", group)
        bench.delete(definition)
        bench.until("end of the definition", lambda: bench.get(definition) is None)
        bench.until("end of the object", lambda: bench.cluster.get(resource, "t", namespace) is None)
        assert made["metadata"]["uid"]

    def test_a_definition_is_named_by_its_group(self, bench: Bench) -> None:
        """The name must be plural.group."""
        definition = crd(f"g{uuid4().hex[:8]}", {"spec": {"type": "object"}})
        definition["metadata"]["name"] = "other.example.com"
        with pytest.raises(Invalid):
            bench.create(definition)
