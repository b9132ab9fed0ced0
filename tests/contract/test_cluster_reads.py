"""What both sides of the cluster door tell alike: lists, versions, generations, rights, and what is served."""

from __future__ import annotations

from uuid import uuid4

import pytest

from migrate.doors.cluster import Verb, Write
from migrate.doors.reading import read_inventory
from migrate.errors import DoorError, Invalid, NotFound
from migrate.model.objects import Resource, dig
from tests.contract.conftest import Bench
from tests.contract.objects import config_map, container, deployment, promised, version_of


class TestLists:
    def test_pages_hold_everything_once(self, bench: Bench, namespace: str) -> None:
        """Pages are as large as asked, and their items say what they are."""
        names = [f"c{i}" for i in range(7)]
        for name in names:
            bench.create(config_map(namespace, name))
        resource = bench.resource("ConfigMap")
        pages = list(bench.cluster.pages(resource, namespace=namespace, limit=3))
        items = [o for page in pages for o in page if o["metadata"]["name"] != "kube-root-ca.crt"]
        assert sorted(o["metadata"]["name"] for o in items) == names
        assert all((o["apiVersion"], o["kind"]) == ("v1", "ConfigMap") for o in items)
        assert max(map(len, pages)) <= 3
        assert len(pages) >= 3

    def test_large_objects_come_whole(self, bench: Bench, namespace: str) -> None:
        """Sixty objects of 1 MB each: everything once, whatever it takes in pages."""
        value = "x" * 1_000_000
        names = [f"big-{i:02}" for i in range(60)]
        for name in names:
            bench.create(config_map(namespace, name, big=value))
        pages = bench.cluster.pages(bench.resource("ConfigMap"), namespace=namespace)
        sizes = {
            o["metadata"]["name"]: len(dig(o, "data", "big", default="")) for page in pages for o in page
        }
        sizes.pop("kube-root-ca.crt", None)
        assert sizes == dict.fromkeys(names, len(value))

    @pytest.mark.parametrize(
        ("selector", "expected"),
        [
            ("app=x", ["a", "b"]),
            ("app!=x", ["c", "d"]),
            ("app in (x,y),tier", ["b"]),
            ("!app", ["d"]),
            ("app notin (x)", ["c", "d"]),
        ],
    )
    def test_label_selectors(self, bench: Bench, namespace: str, selector: str, expected: list[str]) -> None:
        """Selectors are equality-based and set-based, and a missing label is not equal."""
        everything = {
            "a": {"app": "x"},
            "b": {"app": "x", "tier": "1"},
            "c": {"app": "y"},
            "d": {"other": "z"},
        }
        for name, labels in everything.items():
            obj = config_map(namespace, name)
            obj["metadata"]["labels"] = {"here": "1", **labels}
            bench.create(obj)
        pages = bench.cluster.pages(
            bench.resource("ConfigMap"), namespace=namespace, label_selector=f"here=1,{selector}"
        )
        assert sorted(o["metadata"]["name"] for page in pages for o in page) == expected

    def test_a_list_of_all_namespaces(self, bench: Bench, namespace: str) -> None:
        """Without a namespace everything is listed, whatever namespace it is in."""
        other = bench.namespace()
        mark = f"m{uuid4().hex[:8]}"
        for where in (namespace, other):
            obj = config_map(where)
            obj["metadata"]["labels"] = {"mark": mark}
            bench.create(obj)
        pages = bench.cluster.pages(bench.resource("ConfigMap"), label_selector=f"mark={mark}")
        assert {o["metadata"]["namespace"] for page in pages for o in page} == {namespace, other}
        bench.write(Verb.DELETE, "Namespace", other)

    def test_an_empty_list_is_empty(self, bench: Bench, namespace: str) -> None:
        """No objects is no error."""
        pages = bench.cluster.pages(bench.resource("Secret"), namespace=namespace)
        assert [o for page in pages for o in page] == []

    def test_a_resource_that_is_not_served(self, bench: Bench, namespace: str) -> None:
        """To read one of it finds nothing, to list it is an error: an absence is not an emptiness."""
        nothing = Resource("none.example.com", "v1", "nones", "None", namespaced=True)
        assert bench.cluster.get(nothing, "a", namespace) is None
        with pytest.raises(NotFound):
            list(bench.cluster.pages(nothing, namespace=namespace))


class TestGenerations:
    def test_only_the_spec_makes_a_generation(self, bench: Bench, namespace: str) -> None:
        """Metadata and status leave it alone; see the API conventions, Metadata."""
        made = bench.create(deployment(namespace))
        assert made["metadata"]["generation"] == 1
        labelled = bench.patch(made, {"metadata": {"labels": {"a": "b"}}})
        assert labelled["metadata"]["generation"] == 1
        paused = bench.patch(made, {"spec": {"paused": True}})
        assert paused["metadata"]["generation"] == 2

    def test_status_is_written_through_its_subresource_only(self, bench: Bench, namespace: str) -> None:
        """The main resource ignores status, the subresource ignores all but status."""
        obj = {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "c", "namespace": namespace},
            "spec": {
                "schedule": "0 0 31 2 *",
                "suspend": True,
                "jobTemplate": {
                    "spec": {
                        "template": {"spec": {"restartPolicy": "Never", "containers": [container("main")]}}
                    }
                },
            },
        }
        made = bench.create(obj)
        stamp = "2026-01-02T03:04:05Z"
        ignored = bench.patch(made, {"status": {"lastScheduleTime": stamp}})
        assert "lastScheduleTime" not in ignored.get("status", {})
        patch = {"status": {"lastScheduleTime": stamp}, "spec": {"suspend": False}}
        after = bench.patch(made, patch, subresource="status")
        assert after["status"]["lastScheduleTime"] == stamp
        assert after["spec"]["suspend"] is True
        assert after["metadata"]["generation"] == 1

    def test_scale_is_a_view_of_the_replicas(self, bench: Bench, namespace: str) -> None:
        """A patch of `scale` changes spec.replicas and nothing else."""
        made = bench.create(deployment(namespace))
        scale = bench.patch(made, {"spec": {"replicas": 2}}, subresource="scale")
        assert (scale["kind"], scale["spec"]["replicas"]) == ("Scale", 2)
        after = bench.get(made)
        assert dig(after, "spec", "replicas") == 2
        assert dig(after, "metadata", "generation") == 2

    def test_versions_increase(self, bench: Bench, namespace: str) -> None:
        """Each write has a higher version than the one before, over all objects."""
        versions = []
        for name in "abc":
            made = bench.create(config_map(namespace, name))
            versions += [version_of(made), version_of(bench.patch(made, {"data": {"k": "v"}}))]
        assert versions == sorted(set(versions))


class TestDoor:
    def test_the_identity_is_stable(self, bench: Bench) -> None:
        """The cluster is who it was; its UID is that of its namespace kube-system."""
        first, second = bench.cluster.identity(), bench.cluster.identity()
        assert first == second
        found = bench.cluster.get(bench.resource("Namespace"), "kube-system")
        assert dig(found, "metadata", "uid") == first.uid
        assert first.minor >= (1, 20)

    def test_built_in_resources_are_served(self, bench: Bench) -> None:
        """Each once, in the preferred version before the others, without subresources."""
        resources = bench.cluster.resources()
        names = [r.name for r in resources]
        assert len(names) == len(set(names))
        assert not [name for name in names if "/" in name]
        found = {r.name: r for r in resources}
        assert (found["pods"].api_version, found["pods"].namespaced) == ("v1", True)
        assert not found["namespaces"].namespaced
        assert found["deployments.apps"].api_version == "apps/v1"
        assert found["horizontalpodautoscalers.autoscaling"].versions == ("v2", "v1")
        assert "list" in found["networkpolicies.networking.k8s.io"].verbs

    def test_an_administrator_may(self, bench: Bench, namespace: str) -> None:
        """These credentials have the rights that they have."""
        assert bench.cluster.may("delete", bench.resource("Secret"), namespace)
        assert bench.cluster.may("list", bench.resource("Node"))

    def test_many_writes_answer_in_order(self, bench: Bench, namespace: str) -> None:
        """Errors stand at their places, the others are done, and every one is counted once."""
        resource = bench.resource("ConfigMap")
        writes = [
            Write(Verb.CREATE, resource, f"c{i}", namespace, body=config_map(namespace, f"c{i}"))
            for i in range(40)
        ]
        writes[5] = Write(Verb.CREATE, resource, "No", namespace, body=config_map(namespace, "No"))
        writes[9] = Write(Verb.DELETE, resource, "none", namespace)
        before = bench.cluster.requests()
        results = bench.cluster.write_many(writes)
        assert bench.cluster.requests() - before == 40
        assert isinstance(results[5], Invalid)
        assert isinstance(results[9], NotFound)
        for index, result in enumerate(results):
            if index not in {5, 9}:
                assert not isinstance(result, DoorError)
                assert result["metadata"]["name"] == f"c{index}"

    def test_a_second_batch_may_be_sent_before_the_first_is_asked_for(
        self, bench: Bench, namespace: str
    ) -> None:
        """Each batch answers in its own order, and what nobody asked about stands as well."""
        resource = bench.resource("ConfigMap")
        names = [f"{batch}{i}" for batch in "de" for i in range(40)]
        writes = [Write(Verb.CREATE, resource, n, namespace, body=config_map(namespace, n)) for n in names]
        first, second = bench.cluster.send_many(writes[:40]), bench.cluster.send_many(writes[40:])
        found = [r["metadata"]["name"] for r in (*first, *second) if not isinstance(r, DoorError)]
        assert found == names

    def test_every_read_is_counted(self, bench: Bench, namespace: str) -> None:
        """Each call of one request adds one."""
        resource = bench.resource("ConfigMap")
        before = bench.cluster.requests()
        bench.cluster.get(resource, "none", namespace)
        list(bench.cluster.pages(resource, namespace=namespace))
        bench.cluster.may("get", resource)
        assert bench.cluster.requests() - before == 3

    def test_no_writes_is_no_work(self, bench: Bench) -> None:
        """An empty batch asks nobody."""
        before = bench.cluster.requests()
        assert list(bench.cluster.write_many([])) == []
        assert bench.cluster.requests() == before


class TestUndiscovered:
    def test_a_group_that_nothing_answers_for_is_named(self, bench: Bench) -> None:
        """What an APIService promises and nothing serves is named, and said of the Inventory; the rest is served."""
        group = f"w{uuid4().hex[:8]}.example.com"
        bench.create(promised(group))
        try:

            def named() -> bool:
                assert "pods" in {r.name for r in bench.cluster.resources()}
                return f"{group}/v1" in bench.cluster.undiscovered

            bench.until(f"{group} among the undiscovered", named)
            assert bench.cluster.undiscovered[f"{group}/v1"]
            inventory = read_inventory(bench.cluster)
            assert inventory.unreadable[f"*.{group}"]
            assert len(inventory) > 1
        finally:
            bench.write(Verb.DELETE, "APIService", f"v1.{group}", group="apiregistration.k8s.io")
        bench.until(
            f"{group} gone",
            lambda: bench.cluster.resources() and group not in str(bench.cluster.undiscovered),
        )
