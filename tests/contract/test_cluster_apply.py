"""Server-side apply on both sides of the cluster door: who owns which field, and what merges by which key."""

from __future__ import annotations

import pytest

from migrate.doors.cluster import FIELD_MANAGER
from migrate.errors import Conflict, Invalid
from migrate.model.objects import dig
from tests.contract.conftest import Bench
from tests.contract.objects import MISSING, config_map, container, deployment, managers, service, version_of


class TestApply:
    def test_apply_creates_and_updates(self, bench: Bench, namespace: str) -> None:
        """The first apply creates, the second changes; the manager is ours both times."""
        first = bench.apply(config_map(namespace, k="v"))
        second = bench.apply(config_map(namespace, k="w"))
        assert first["metadata"]["uid"] == second["metadata"]["uid"]
        assert second["data"] == {"k": "w"}
        assert managers(second) == {(FIELD_MANAGER, "Apply")}
        assert version_of(second) > version_of(first)

    def test_apply_of_the_same_changes_nothing(self, bench: Bench, namespace: str) -> None:
        """An apply that says what is there already leaves the version alone."""
        obj = deployment(namespace)
        first, second = bench.apply(obj), bench.apply(obj)
        assert first["metadata"]["generation"] == second["metadata"]["generation"] == 1
        cm = bench.apply(config_map(namespace, k="v"))
        assert version_of(bench.apply(config_map(namespace, k="v"))) == version_of(cm)

    def test_a_field_no_longer_applied_goes(self, bench: Bench, namespace: str) -> None:
        """What only we owned and no longer send is removed; what another wrote stays."""
        made = bench.apply(config_map(namespace, ours="1", dropped="2"))
        bench.patch(made, {"data": {"theirs": "3"}})
        after = bench.apply(config_map(namespace, ours="1"))
        assert after["data"] == {"ours": "1", "theirs": "3"}

    def test_containers_merge_by_name(self, bench: Bench, namespace: str) -> None:
        """A container that another added stays beside ours, and ours may change alone."""
        made = bench.create(
            deployment(namespace, "web", container("main", "old"), container("sidecar", "side"))
        )
        bench.apply(deployment(namespace, "web", container("main", "new")), force=True)
        after = bench.get(made)
        images = {c["name"]: c["image"] for c in dig(after, "spec", "template", "spec", "containers")}
        assert images == {"main": "new", "sidecar": "side"}

    def test_a_container_no_longer_applied_goes(self, bench: Bench, namespace: str) -> None:
        """Lists by key drop what we alone had put there."""
        bench.apply(deployment(namespace, "web", container("main"), container("sidecar")))
        after = bench.apply(deployment(namespace, "web", container("main")))
        assert [c["name"] for c in after["spec"]["template"]["spec"]["containers"]] == ["main"]

    def test_environment_merges_by_name(self, bench: Bench, namespace: str) -> None:
        """`env` is a list by key as containers are, one level deeper."""
        env = [{"name": "A", "value": "1"}]
        made = bench.apply(deployment(namespace, "web", container("main", env=env)))
        bench.patch(
            made,
            {
                "spec": {
                    "template": {
                        "spec": {"containers": [container("main", env=[*env, {"name": "B", "value": "2"}])]}
                    }
                }
            },
        )
        after = bench.apply(
            deployment(namespace, "web", container("main", env=[{"name": "A", "value": "3"}])), force=True
        )
        (main,) = after["spec"]["template"]["spec"]["containers"]
        assert {e["name"]: e["value"] for e in main["env"]} == {"A": "3", "B": "2"}

    def test_ports_merge_by_number_and_protocol(self, bench: Bench, namespace: str) -> None:
        """A Service's ports are keyed by port and protocol: the same number twice is two ports."""
        made = bench.apply(
            service(
                namespace,
                ports=[
                    {"name": "t", "port": 53, "protocol": "TCP"},
                    {"name": "u", "port": 53, "protocol": "UDP"},
                ],
            )
        )
        assert len(made["spec"]["ports"]) == 2
        after = bench.apply(service(namespace, ports=[{"name": "u", "port": 53, "protocol": "UDP"}]))
        assert [(p["port"], p["protocol"]) for p in after["spec"]["ports"]] == [(53, "UDP")]

    def test_an_atomic_list_is_taken_whole(self, bench: Bench, namespace: str) -> None:
        """Arguments have no key: the list is ours as a whole."""
        bench.apply(deployment(namespace, "web", container("main", args=["a", "b"])))
        after = bench.apply(deployment(namespace, "web", container("main", args=["b"])))
        assert after["spec"]["template"]["spec"]["containers"][0]["args"] == ["b"]

    def test_a_field_of_another_manager_is_a_conflict(self, bench: Bench, namespace: str) -> None:
        """What was written by an update is not changed by an apply unless it is forced; then it is ours."""
        made = bench.create(config_map(namespace, k="v"))
        with pytest.raises(Conflict) as caught:
            bench.apply(config_map(namespace, k="w"))
        assert caught.value.status == 409
        assert bench.get(made) == made
        assert bench.apply(config_map(namespace, k="w"), force=True)["data"] == {"k": "w"}

    def test_agreeing_is_no_conflict(self, bench: Bench, namespace: str) -> None:
        """To apply the value that another wrote shares the field."""
        bench.create(config_map(namespace, k="v"))
        after = bench.apply(config_map(namespace, k="v"))
        assert managers(after) == {(FIELD_MANAGER, "Update"), (FIELD_MANAGER, "Apply")}

    def test_apply_with_a_wrong_uid_creates_nothing(self, bench: Bench, namespace: str) -> None:
        """A UID says which object is meant; where it is not that one, nothing is done."""
        with pytest.raises(Conflict):
            bench.apply(config_map(namespace, k="v"), uid=MISSING)
        assert bench.get(config_map(namespace)) is None

    def test_apply_to_another_object_is_a_conflict(self, bench: Bench, namespace: str) -> None:
        """A namesake, or a version that is no longer the last, is left alone."""
        made = bench.apply(config_map(namespace, k="v"))
        with pytest.raises(Conflict):
            bench.apply(config_map(namespace, k="w"), uid=MISSING)
        after = bench.patch(made, {"data": {"other": "1"}})
        with pytest.raises(Conflict):
            bench.apply(config_map(namespace, k="w"), resource_version=made["metadata"]["resourceVersion"])
        assert bench.get(made) == after

    def test_a_held_deployment_is_released_by_its_replicas(self, bench: Bench, namespace: str) -> None:
        """What was applied with no replicas is scaled by a merge patch, and conflicts with a later apply."""
        made = bench.apply(deployment(namespace))
        released = bench.patch(made, {"spec": {"replicas": 2}})
        assert released["spec"]["replicas"] == 2
        with pytest.raises(Conflict):
            bench.apply(deployment(namespace))

    def test_managed_fields_cannot_be_applied(self, bench: Bench, namespace: str) -> None:
        """An object as it was read cannot be applied before it is sanitised."""
        made = bench.apply(config_map(namespace, k="v"))
        with pytest.raises(Invalid):
            bench.apply(made)
