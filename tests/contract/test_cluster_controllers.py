"""What the controllers of both clusters make of objects, as far as a move relies on it."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.doors.cluster import Verb
from migrate.errors import Invalid
from migrate.model.objects import Object, dig
from tests.contract.conftest import Bench
from tests.contract.objects import container, deployment, promised, service


class TestNamespaces:
    def test_a_namespace_is_labelled_with_its_name(self, bench: Bench, namespace: str) -> None:
        """kubernetes.io/metadata.name is set by the server; policies select by it."""
        found = bench.cluster.get(bench.resource("Namespace"), namespace)
        assert dig(found, "metadata", "labels", "kubernetes.io/metadata.name") == namespace
        assert dig(found, "status", "phase") == "Active"
        assert dig(found, "spec", "finalizers") == ["kubernetes"]

    def test_a_namespace_gets_its_default_account(self, bench: Bench, namespace: str) -> None:
        """A controller makes the ServiceAccount `default` and the ConfigMap with the cluster's CA."""
        accounts, maps = bench.resource("ServiceAccount"), bench.resource("ConfigMap")
        bench.until("default account", lambda: bench.cluster.get(accounts, "default", namespace))
        bench.until("kube-root-ca.crt", lambda: bench.cluster.get(maps, "kube-root-ca.crt", namespace))

    def test_a_namespace_name_has_no_dots(self, bench: Bench) -> None:
        """It is a DNS label of at most 63 characters."""
        for name in ("a.b", "a" * 64):
            with pytest.raises(Invalid):
                bench.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def stateful_set(namespace: str, replicas: int) -> dict[str, Any]:
    """A StatefulSet without volumes."""
    obj = deployment(namespace, "db", replicas=replicas)
    return obj | {"kind": "StatefulSet", "spec": {**obj["spec"], "serviceName": "db"}}


def pods(bench: Bench, namespace: str) -> dict[str, Object]:
    """The pods of a namespace that are not going away, by name."""
    pages = bench.cluster.pages(bench.resource("Pod"), namespace=namespace)
    found = {o["metadata"]["name"]: o for page in pages for o in page}
    return {name: pod for name, pod in found.items() if "deletionTimestamp" not in pod["metadata"]}


def running(bench: Bench, namespace: str, count: int) -> dict[str, Object]:
    """So many pods, all of them ready."""

    def ready(pod: Object) -> bool:
        conditions = dig(pod, "status", "conditions") or ()
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def look() -> dict[str, Object] | None:
        found = pods(bench, namespace)
        return found if len(found) == count and all(map(ready, found.values())) else None

    return bench.until(f"{count} ready pods", look)


class TestControllers:
    """What controllers make of objects: the stand-ins must do what the real ones do, as far as a move relies on it."""

    def test_a_deployment_rolls_out(self, bench: Bench, namespace: str) -> None:
        """Its pods are ready with addresses, its status says so, and a Service's slice has them."""
        made = bench.create(deployment(namespace, replicas=2))
        bench.create(service(namespace))
        found = running(bench, namespace, 2)
        addresses = {pod["status"]["podIP"] for pod in found.values()}
        assert len(addresses) == 2
        assert {pod["spec"]["serviceAccountName"] for pod in found.values()} == {"default"}
        assert all(pod["spec"]["nodeName"] for pod in found.values())
        slices = bench.resource("EndpointSlice", "discovery.k8s.io")

        def rolled_out() -> bool:
            status = dig(bench.get(made), "status", default={})
            return bool(status.get("readyReplicas") == 2 and status.get("observedGeneration") == 1)

        def in_the_slice() -> bool:
            pages = bench.cluster.pages(
                slices, namespace=namespace, label_selector="kubernetes.io/service-name=web"
            )
            endpoints = [e for page in pages for s in page for e in s["endpoints"] or ()]
            ready = {a for e in endpoints if e["conditions"]["ready"] for a in e["addresses"]}
            return ready == addresses

        bench.until("status of the Deployment", rolled_out)
        bench.until("endpoints", in_the_slice)

    def test_a_deployment_of_none_has_no_pods_until_released(self, bench: Bench, namespace: str) -> None:
        """This is how one is held: nothing runs, and a patch of the replicas starts it."""
        made = bench.create(deployment(namespace, replicas=0))
        bench.until("observation", lambda: dig(bench.get(made), "status", "observedGeneration") == 1)
        assert pods(bench, namespace) == {}
        bench.patch(made, {"spec": {"replicas": 1}})
        running(bench, namespace, 1)
        bench.patch(made, {"spec": {"replicas": 0}}, subresource="scale")
        bench.until("end of the pods", lambda: not pods(bench, namespace))

    def test_a_deployment_takes_its_pods_along(self, bench: Bench, namespace: str) -> None:
        """A background delete ends ReplicaSet and pods, one after the other."""
        made = bench.create(deployment(namespace, replicas=1))
        running(bench, namespace, 1)
        bench.delete(made)
        sets = bench.resource("ReplicaSet", "apps")
        bench.until(
            "end of the ReplicaSet",
            lambda: not [o for page in bench.cluster.pages(sets, namespace=namespace) for o in page],
        )
        bench.until("end of the pods", lambda: not pods(bench, namespace))

    def test_a_stateful_set_numbers_its_pods(self, bench: Bench, namespace: str) -> None:
        """They are called by ordinal, and with no replicas there are none."""
        made = bench.create(stateful_set(namespace, 0))
        bench.until("observation", lambda: dig(bench.get(made), "status", "observedGeneration") == 1)
        assert pods(bench, namespace) == {}
        bench.patch(made, {"spec": {"replicas": 2}})
        assert set(running(bench, namespace, 2)) == {"db-0", "db-1"}

    def test_a_daemon_set_runs_where_its_selector_lets_it(self, bench: Bench, namespace: str) -> None:
        """One pod a node; none where no node has the label, which is how one is held."""
        obj = deployment(namespace, "agent")
        del obj["spec"]["replicas"]
        obj["kind"] = "DaemonSet"
        obj["spec"]["template"]["spec"]["nodeSelector"] = {"example.com/none": "here"}
        made = bench.create(obj)
        bench.until("observation", lambda: dig(bench.get(made), "status", "observedGeneration") == 1)
        assert pods(bench, namespace) == {}
        bench.patch(made, {"spec": {"template": {"spec": {"nodeSelector": None}}}})
        nodes = {
            o["metadata"]["name"]
            for page in bench.cluster.pages(bench.resource("Node"))
            for o in page
            if not any(taint["effect"] == "NoSchedule" for taint in dig(o, "spec", "taints") or ())
        }
        found = running(bench, namespace, len(nodes))
        assert {pod["spec"]["nodeName"] for pod in found.values()} == nodes

    def test_a_suspended_job_waits(self, bench: Bench, namespace: str) -> None:
        """It has no pods until it is resumed; then it completes."""
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "j", "namespace": namespace},
            "spec": {
                "suspend": True,
                "template": {"spec": {"restartPolicy": "Never", "containers": [container("main")]}},
            },
        }
        made = bench.create(job)

        def condition(kind: str) -> bool:
            conditions = dig(bench.get(made), "status", "conditions") or ()
            return any(c["type"] == kind and c["status"] == "True" for c in conditions)

        bench.until("Suspended", lambda: condition("Suspended"))
        assert pods(bench, namespace) == {}
        bench.patch(made, {"spec": {"suspend": False}})
        bench.until("Complete", lambda: condition("Complete"))

    def test_a_pod_of_an_absent_account_is_refused(self, bench: Bench, namespace: str) -> None:
        """Admission wants the ServiceAccount first: why accounts come in an earlier wave."""
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "namespace": namespace},
            "spec": {"serviceAccountName": "absent", "containers": [container("main")]},
        }
        with pytest.raises(Invalid, match="absent"):
            bench.create(pod)

    def test_a_balancer_service_waits_for_its_balancer(self, bench: Bench, namespace: str) -> None:
        """Without a cloud nobody gives it an address; it has a clusterIP and a NodePort."""
        made = bench.create(service(namespace, type="LoadBalancer"))
        assert made["status"] == {"loadBalancer": {}}
        assert made["spec"]["allocateLoadBalancerNodePorts"] is True
        assert made["spec"]["ports"][0]["nodePort"] >= 30000


class TestAggregatedApis:
    def test_an_api_service_says_why_it_is_not_available(self, bench: Bench, namespace: str) -> None:
        """Without its Service, and with one that has no pods, in the same words; what was promised goes with it."""
        group = f"a{namespace}.example.com"
        body = promised(group)
        body["spec"]["service"] = {"namespace": namespace, "name": "web", "port": 80}
        made = bench.create(body)

        def told() -> tuple[str, str, str]:
            conditions = dig(bench.get(made), "status", "conditions", default=())
            found: dict[str, str] = next((c for c in conditions if c["type"] == "Available"), {})
            return found.get("status", ""), found.get("reason", ""), found.get("message", "")

        try:
            bench.until("no Service", lambda: told()[1] == "ServiceNotFound")
            assert told() == ("False", "ServiceNotFound", f'service/web in "{namespace}" is not present')
            bench.create(service(namespace))
            bench.until("no endpoints", lambda: told()[1] == "MissingEndpoints")
            wanted = f'endpointslices for service/web in "{namespace}" have no addresses with port name ""'
            assert told() == ("False", "MissingEndpoints", wanted)
        finally:
            bench.write(Verb.DELETE, "APIService", f"v1.{group}", group="apiregistration.k8s.io")
