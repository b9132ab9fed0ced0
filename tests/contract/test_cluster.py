"""What both sides of the cluster door do alike: writes; where the simulated one differs from the real, it is wrong."""

from __future__ import annotations

from uuid import uuid4

import pytest

from migrate.doors.cluster import FIELD_MANAGER, Verb, Write
from migrate.errors import AlreadyExists, Conflict, Invalid, NotFound
from migrate.model.objects import dig
from tests.contract.conftest import Bench
from tests.contract.objects import MISSING, config_map, container, deployment, managers, service, version_of


class TestCreate:
    def test_a_created_object_has_what_the_server_gives_it(self, bench: Bench, namespace: str) -> None:
        """UID, version, time and our field manager come back with the answer."""
        made = bench.create(config_map(namespace, k="v"))
        metadata = made["metadata"]
        assert (made["apiVersion"], made["kind"], made["data"]) == ("v1", "ConfigMap", {"k": "v"})
        assert len(metadata["uid"]) == 36
        assert version_of(made) > 0
        assert metadata["creationTimestamp"].endswith("Z")
        assert managers(made) == {(FIELD_MANAGER, "Update")}
        assert bench.get(made) == made

    def test_a_name_is_taken_once(self, bench: Bench, namespace: str) -> None:
        """A second create of the same name is refused and changes nothing."""
        made = bench.create(config_map(namespace, k="v"))
        with pytest.raises(AlreadyExists) as caught:
            bench.create(config_map(namespace, k="w"))
        assert caught.value.status == 409
        assert bench.get(made) == made

    def test_a_name_is_free_again_after_its_object_is_gone(self, bench: Bench, namespace: str) -> None:
        """A new object of an old name is another one: its UID differs."""
        first = bench.create(config_map(namespace))
        bench.delete(first)
        second = bench.create(config_map(namespace))
        assert first["metadata"]["uid"] != second["metadata"]["uid"]

    def test_a_namespace_must_be_there(self, bench: Bench) -> None:
        """Nothing is created in a namespace that does not exist."""
        with pytest.raises(NotFound):
            bench.create(config_map(f"none-{uuid4().hex[:8]}"))

    def test_a_namespace_that_is_going_takes_nothing_new(self, bench: Bench, namespace: str) -> None:
        """What is terminating refuses creates; an update of what is still there goes through."""
        held = config_map(namespace, "held")
        held["metadata"]["finalizers"] = ["example.com/hold"]
        held = dict(bench.create(held))
        bench.write(Verb.DELETE, "Namespace", namespace)
        going = bench.cluster.get(bench.resource("Namespace"), namespace)
        assert going is not None
        assert going["status"]["phase"] == "Terminating"
        with pytest.raises(Invalid, match="terminat"):
            bench.create(config_map(namespace, "late"))
        bench.patch(held, {"metadata": {"finalizers": None}})
        bench.until("end of the namespace", lambda: bench.get(going) is None)

    @pytest.mark.parametrize("name", ["Upper", "under_score", "-dash", "a" * 254])
    def test_a_name_must_be_a_dns_subdomain(self, bench: Bench, namespace: str, name: str) -> None:
        """Names are checked as Kubernetes does; see its page on object names and IDs."""
        with pytest.raises(Invalid):
            bench.create(config_map(namespace, name))

    def test_a_service_name_has_no_dots(self, bench: Bench, namespace: str) -> None:
        """A Service's name is a DNS label: no dots."""
        with pytest.raises(Invalid):
            bench.create(service(namespace, "a.b"))

    def test_an_rbac_name_may_have_a_colon(self, bench: Bench) -> None:
        """Roles are named by path segments, not by DNS."""
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": f"contract:{uuid4().hex}"},
            "rules": [],
        }
        made = bench.create(role)
        assert bench.get(role) == made
        bench.delete(role)

    def test_a_body_of_another_namespace_is_refused(self, bench: Bench, namespace: str) -> None:
        """The namespace of the path and that of the object must agree."""
        resource = bench.resource("ConfigMap")
        with pytest.raises(Invalid):
            bench.cluster.write(Write(Verb.CREATE, resource, "a", namespace, body=config_map("kube-system")))

    def test_a_resource_version_is_not_for_creates(self, bench: Bench, namespace: str) -> None:
        """An object as it was read elsewhere cannot be created before it is sanitised."""
        obj = config_map(namespace)
        obj["metadata"]["resourceVersion"] = "7"
        with pytest.raises(Invalid):
            bench.create(obj)

    def test_what_the_server_owns_is_not_taken_from_us(self, bench: Bench, namespace: str) -> None:
        """A UID and a status that come with a create are replaced and left out."""
        obj = deployment(namespace)
        obj["metadata"]["uid"] = MISSING
        obj["metadata"]["generation"] = 40
        obj["status"] = {"replicas": 5}
        made = bench.create(obj)
        assert made["metadata"]["uid"] != MISSING
        assert made["metadata"]["generation"] == 1
        assert "replicas" not in made["status"]

    def test_a_dry_run_answers_as_if_and_changes_nothing(self, bench: Bench, namespace: str) -> None:
        """Defaults and checks are the server's; nothing stands afterwards, and no address is taken."""
        would = bench.create(service(namespace), dry_run=True)
        assert would["spec"]["type"] == "ClusterIP"
        assert bench.get(would) is None
        with pytest.raises(Invalid):
            bench.create(config_map(namespace, "No"), dry_run=True)
        made = bench.create(config_map(namespace, k="v"))
        bench.patch(made, {"data": {"k": "w"}}, dry_run=True)
        bench.delete(made, dry_run=True)
        assert bench.get(made) == made


class TestPatch:
    def test_null_removes_a_key(self, bench: Bench, namespace: str) -> None:
        """A merge patch sets what it names, removes what it names with null, and leaves the rest."""
        made = bench.create(config_map(namespace, a="1", b="2", c="3"))
        after = bench.patch(made, {"data": {"a": None, "b": "5"}, "metadata": {"annotations": {"x": "y"}}})
        assert after["data"] == {"b": "5", "c": "3"}
        assert after["metadata"]["annotations"] == {"x": "y"}

    def test_a_list_is_replaced_whole(self, bench: Bench, namespace: str) -> None:
        """RFC 7396 knows no keys in lists, whatever the schema says."""
        made = bench.create(deployment(namespace, "web", container("a"), container("b")))
        patch = {"spec": {"template": {"spec": {"containers": [container("c")]}}}}
        after = bench.patch(made, patch)
        assert [c["name"] for c in after["spec"]["template"]["spec"]["containers"]] == ["c"]

    def test_a_patch_that_changes_nothing_leaves_the_version(self, bench: Bench, namespace: str) -> None:
        """The server writes nothing where nothing differs."""
        made = bench.create(config_map(namespace, a="1"))
        assert version_of(bench.patch(made, {"data": {"a": "1"}})) == version_of(made)

    def test_a_patch_of_an_old_version_is_a_conflict(self, bench: Bench, namespace: str) -> None:
        """The version is a precondition, by which one of two writers learns of the other."""
        made = bench.create(config_map(namespace, a="1"))
        old = made["metadata"]["resourceVersion"]
        bench.patch(made, {"data": {"a": "2"}}, resource_version=old)
        with pytest.raises(Conflict):
            bench.patch(made, {"data": {"a": "3"}}, resource_version=old)
        assert dig(bench.get(made), "data", "a") == "2"

    def test_a_patch_of_another_object_is_a_conflict(self, bench: Bench, namespace: str) -> None:
        """The UID is a precondition against a namesake."""
        made = bench.create(config_map(namespace, a="1"))
        with pytest.raises(Conflict):
            bench.patch(made, {"data": {"a": "3"}}, uid=MISSING)
        assert bench.patch(made, {"data": {"a": "3"}}, uid=made["metadata"]["uid"])["data"] == {"a": "3"}

    def test_a_patch_needs_its_object(self, bench: Bench, namespace: str) -> None:
        """A merge patch creates nothing."""
        with pytest.raises(NotFound):
            bench.patch(config_map(namespace, "none"), {"data": {}})


class TestReplace:
    def test_compare_and_swap(self, bench: Bench, namespace: str) -> None:
        """A replace with the version that was read succeeds once."""
        made = bench.create(config_map(namespace, a="1"))
        swapped = bench.replace({**made, "data": {"b": "2"}})
        assert swapped["data"] == {"b": "2"}
        with pytest.raises(Conflict):
            bench.replace({**made, "data": {"c": "3"}})
        assert bench.get(made) == swapped

    def test_a_replace_of_a_namesake_is_a_conflict(self, bench: Bench, namespace: str) -> None:
        """An object that was deleted and made again is another one."""
        made = bench.create(config_map(namespace, a="1"))
        bench.delete(made)
        bench.create(config_map(namespace, a="1"))
        with pytest.raises(Conflict):
            bench.replace({**made, "data": {"b": "2"}})

    def test_a_replace_needs_its_object(self, bench: Bench, namespace: str) -> None:
        """A PUT of a ConfigMap creates nothing."""
        obj = config_map(namespace, "none")
        with pytest.raises(NotFound):
            bench.replace(obj)


class TestDelete:
    def test_what_is_deleted_is_gone(self, bench: Bench, namespace: str) -> None:
        """A read finds nothing, a second delete says so."""
        made = bench.create(config_map(namespace))
        bench.delete(made, uid=made["metadata"]["uid"])
        assert bench.get(made) is None
        with pytest.raises(NotFound):
            bench.delete(made)

    def test_the_wrong_object_is_not_deleted(self, bench: Bench, namespace: str) -> None:
        """UID and version are preconditions of a delete too."""
        made = bench.create(config_map(namespace, a="1"))
        with pytest.raises(Conflict):
            bench.delete(made, uid=MISSING)
        bench.patch(made, {"data": {"a": "2"}})
        with pytest.raises(Conflict):
            bench.delete(made, resource_version=made["metadata"]["resourceVersion"])
        assert bench.get(made) is not None

    def test_a_finalizer_keeps_an_object(self, bench: Bench, namespace: str) -> None:
        """It stands with a deletion time until its last finalizer is removed."""
        obj = config_map(namespace)
        obj["metadata"]["finalizers"] = ["example.com/hold"]
        made = bench.create(obj)
        bench.delete(made)
        going = bench.get(made)
        assert going is not None
        assert going["metadata"]["deletionTimestamp"].endswith("Z")
        with pytest.raises(Invalid):
            bench.patch(made, {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}})
        with pytest.raises(AlreadyExists):
            bench.create(config_map(namespace))
        bench.patch(made, {"metadata": {"finalizers": None}})
        assert bench.get(made) is None

    def test_dependents_go_after_their_owner(self, bench: Bench, namespace: str) -> None:
        """A background delete ends the owner at once and its dependents soon."""
        owner = bench.create(config_map(namespace, "owner"))
        reference = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": "owner",
            "uid": owner["metadata"]["uid"],
        }
        obj = config_map(namespace, "dependent")
        obj["metadata"]["ownerReferences"] = [reference]
        dependent = bench.create(obj)
        free = bench.create(config_map(namespace, "free"))
        bench.delete(owner)
        assert bench.get(owner) is None
        bench.until("end of the dependent", lambda: bench.get(dependent) is None)
        assert bench.get(free) is not None

    def test_a_namespace_takes_its_objects_along(self, bench: Bench) -> None:
        """What was in it goes, then the namespace itself."""
        name = bench.namespace()
        made = bench.create(config_map(name))
        bench.write(Verb.DELETE, "Namespace", name)
        resource = bench.resource("Namespace")
        bench.until("end of the namespace", lambda: bench.cluster.get(resource, name) is None)
        assert bench.get(made) is None
