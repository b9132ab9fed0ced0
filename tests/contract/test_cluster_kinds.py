"""What both servers do with the built-in kinds: what they refuse, give and fill in."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from migrate.errors import Conflict, Invalid
from tests.contract.conftest import Bench
from tests.contract.objects import config_map, container, deployment, gated_pod, service

ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount"}

INVALID: Mapping[str, Any] = {
    "a Deployment without a selector": lambda d: d["spec"].pop("selector"),
    "a selector that misses the template": lambda d: d["spec"]["selector"].update(
        matchLabels={"app": "other"}
    ),
    "no containers": lambda d: d["spec"]["template"]["spec"].update(containers=[]),
    "a container without an image": lambda d: d["spec"]["template"]["spec"]["containers"][0].pop("image"),
    "negative replicas": lambda d: d["spec"].update(replicas=-1),
    "a bad label": lambda d: d["metadata"].update(labels={"a b": "c"}),
    "a bad label value": lambda d: d["metadata"].update(labels={"a": "not a value"}),
    "a pod that restarts never": lambda d: d["spec"]["template"]["spec"].update(restartPolicy="Never"),
}


class TestInvalid:
    @pytest.mark.parametrize("case", INVALID)
    def test_an_invalid_deployment_is_refused(self, bench: Bench, namespace: str, case: str) -> None:
        """What the server cannot take is Invalid, and nothing stands."""
        obj = deployment(namespace)
        INVALID[case](obj)
        with pytest.raises(Invalid):
            bench.create(obj)
        assert bench.get(obj) is None

    def test_a_selector_cannot_change(self, bench: Bench, namespace: str) -> None:
        """A Deployment's selector is immutable; see its page, Label selector updates."""
        made = bench.create(deployment(namespace))
        with pytest.raises(Invalid):
            bench.patch(made, {"spec": {"selector": {"matchLabels": {"b": "c"}}}})

    def test_a_service_needs_a_port(self, bench: Bench, namespace: str) -> None:
        """Only a headless Service or an ExternalName may go without."""
        with pytest.raises(Invalid):
            bench.create(service(namespace, ports=[]))

    def test_an_address_cannot_change(self, bench: Bench, namespace: str) -> None:
        """A Service keeps its clusterIP while it is of a type that has one."""
        made = bench.create(service(namespace))
        with pytest.raises(Invalid):
            bench.patch(made, {"spec": {"clusterIP": "None", "clusterIPs": ["None"]}})

    def test_a_scheduling_gate_goes_and_does_not_come(self, bench: Bench, namespace: str) -> None:
        """A Pod loses gates while it waits; none is added, neither beside one nor after the last is gone."""
        account = {**ACCOUNT, "metadata": {"name": "default", "namespace": namespace}}
        bench.until("the ServiceAccount", lambda: bench.get(account))
        made = bench.create(gated_pod(namespace, "one"))
        for gates, place in ([{"name": "one"}, {"name": "two"}], 1), ([{"name": "two"}], 0):
            words = rf"spec\.schedulingGates\[{place}\]\.name: Forbidden: only deletion is allowed, but found new scheduling gate 'two'"
            with pytest.raises(Invalid, match=words):
                bench.patch(made, {"spec": {"schedulingGates": gates}})
        let_go = bench.patch(made, {"spec": {"schedulingGates": None}})
        with pytest.raises(Invalid, match="only deletion is allowed"):
            bench.patch(let_go, {"spec": {"schedulingGates": [{"name": "one"}]}})

    def test_a_policy_needs_a_range_that_is_one(self, bench: Bench, namespace: str) -> None:
        """An ipBlock is a CIDR, and its exceptions lie within it."""
        for block in ({"cidr": "10.0.0.0"}, {"cidr": "10.0.0.0/8", "except": ["192.168.0.0/16"]}):
            policy = {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "p", "namespace": namespace},
                "spec": {"podSelector": {}, "ingress": [{"from": [{"ipBlock": block}]}]},
            }
            with pytest.raises(Invalid):
                bench.create(policy)

    def test_an_immutable_config_map_stays(self, bench: Bench, namespace: str) -> None:
        """`immutable: true` is kept by the server."""
        obj = {**config_map(namespace, k="v"), "immutable": True}
        made = bench.create(obj)
        with pytest.raises(Invalid):
            bench.patch(made, {"data": {"k": "w"}})


class TestServices:
    def test_a_service_gets_an_address(self, bench: Bench, namespace: str) -> None:
        """clusterIP and its family come from the server, two Services get two."""
        one, two = bench.create(service(namespace, "one")), bench.create(service(namespace, "two"))
        assert one["spec"]["clusterIPs"] == [one["spec"]["clusterIP"]]
        assert one["spec"]["ipFamilies"] == ["IPv4"]
        assert one["spec"]["ipFamilyPolicy"] == "SingleStack"
        assert one["spec"]["clusterIP"] != two["spec"]["clusterIP"]

    def test_an_address_is_given_once(self, bench: Bench, namespace: str) -> None:
        """An explicit clusterIP that is taken is refused; it is free again after its Service is gone."""
        one = bench.create(service(namespace, "one"))
        taken = one["spec"]["clusterIP"]
        with pytest.raises(Invalid, match="already allocated"):
            bench.create(service(namespace, "two", clusterIP=taken))
        bench.delete(one)
        assert bench.create(service(namespace, "two", clusterIP=taken))["spec"]["clusterIP"] == taken

    def test_an_address_outside_the_range_is_refused(self, bench: Bench, namespace: str) -> None:
        """Blue's addresses do not fit into green's range."""
        with pytest.raises(Invalid):
            bench.create(service(namespace, clusterIP="203.0.113.7"))

    def test_a_headless_service_has_no_address(self, bench: Bench, namespace: str) -> None:
        """`None` is kept as it is."""
        made = bench.create(service(namespace, clusterIP="None"))
        assert made["spec"]["clusterIP"] == "None"
        assert made["spec"]["clusterIPs"] == ["None"]

    def test_a_node_port_is_given_once(self, bench: Bench, namespace: str) -> None:
        """A NodePort is given within 30000 to 32767 and cannot be had twice."""
        one = bench.create(service(namespace, "one", type="NodePort"))
        port = one["spec"]["ports"][0]["nodePort"]
        assert 30000 <= port <= 32767
        ports = [{"port": 80, "nodePort": port}]
        with pytest.raises(Invalid, match="already allocated"):
            bench.create(service(namespace, "two", type="NodePort", ports=ports))
        bench.delete(one)
        two = bench.create(service(namespace, "two", type="NodePort", ports=ports))
        assert two["spec"]["ports"][0]["nodePort"] == port

    def test_an_external_name_has_no_address(self, bench: Bench, namespace: str) -> None:
        """It is a CNAME only."""
        made = bench.create(service(namespace, type="ExternalName", externalName="db.example.com", ports=[]))
        assert "clusterIP" not in made["spec"]


class TestSecrets:
    def test_string_data_is_folded_into_data(self, bench: Bench, namespace: str) -> None:
        """stringData is written, never read."""
        made = bench.create(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "s", "namespace": namespace},
                "data": {"a": base64.b64encode(b"1").decode()},
                "stringData": {"b": "2"},
            }
        )
        assert made["data"] == {"a": "MQ==", "b": "Mg=="}
        assert "stringData" not in made
        assert made["type"] == "Opaque"

    def test_a_refused_secret_does_not_tell_its_value(self, bench: Bench, namespace: str) -> None:
        """Whatever is wrong with it, the message has no value in it."""
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s", "namespace": namespace},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(b"hunter2").decode()},
        }
        with pytest.raises(Invalid) as caught:
            bench.create(secret)
        assert "hunter2" not in str(caught.value)
        assert secret["data"][".dockerconfigjson"] not in str(caught.value)  # type: ignore[index]

    def test_a_type_cannot_change(self, bench: Bench, namespace: str) -> None:
        """A Secret's type is immutable."""
        made = bench.create(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": namespace}}
        )
        with pytest.raises(Invalid):
            bench.patch(made, {"type": "example.com/other"})


class TestDefaults:
    def test_a_deployment_says_what_it_did_not_say(self, bench: Bench, namespace: str) -> None:
        """Strategy, history and the pod's defaults are filled in, since rules read them."""
        obj = deployment(namespace, "web", container("main", "busybox", ports=[{"containerPort": 80}]))
        del obj["spec"]["replicas"]
        spec = bench.create(obj, dry_run=True)["spec"]
        assert spec["replicas"] == 1
        assert spec["strategy"] == {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
        }
        assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
        pod = spec["template"]["spec"]
        assert pod["restartPolicy"] == "Always"
        assert pod["dnsPolicy"] == "ClusterFirst"
        assert pod["terminationGracePeriodSeconds"] == 30
        assert pod["schedulerName"] == "default-scheduler"
        assert pod["containers"][0]["imagePullPolicy"] == "Always"
        assert pod["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]

    def test_a_tagged_image_is_pulled_if_absent(self, bench: Bench, namespace: str) -> None:
        """The pull policy depends on the tag."""
        obj = deployment(namespace, "web", container("main", "busybox:1.36"))
        made = bench.create(obj, dry_run=True)
        assert made["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"

    def test_a_service_says_what_it_did_not_say(self, bench: Bench, namespace: str) -> None:
        """Type, affinity, protocol, target port and traffic policy are filled in."""
        spec = bench.create(service(namespace))["spec"]
        assert (spec["type"], spec["sessionAffinity"]) == ("ClusterIP", "None")
        assert spec["internalTrafficPolicy"] == "Cluster"
        assert spec["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
        public = bench.create(service(namespace, "public", type="NodePort"))["spec"]
        assert public["externalTrafficPolicy"] == "Cluster"

    def test_a_stateful_set_says_what_it_did_not_say(self, bench: Bench, namespace: str) -> None:
        """Pod management and update strategy are filled in."""
        obj = deployment(namespace, "db")
        obj |= {"kind": "StatefulSet", "spec": {**obj["spec"], "serviceName": "db"}}
        spec = bench.create(obj, dry_run=True)["spec"]
        assert spec["podManagementPolicy"] == "OrderedReady"
        assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
        assert spec["persistentVolumeClaimRetentionPolicy"] == {
            "whenDeleted": "Retain",
            "whenScaled": "Retain",
        }

    def test_a_cron_job_says_what_it_did_not_say(self, bench: Bench, namespace: str) -> None:
        """It runs, concurrently, and keeps some history."""
        template = {"spec": {"restartPolicy": "Never", "containers": [container("main")]}}
        obj = {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "c", "namespace": namespace},
            "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}},
        }
        spec = bench.create(obj, dry_run=True)["spec"]
        assert (spec["suspend"], spec["concurrencyPolicy"]) == (False, "Allow")
        assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (3, 1)

    def test_a_job_gets_its_selector(self, bench: Bench, namespace: str) -> None:
        """Selector and labels come from the server and from the Job's own UID."""
        obj = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "j", "namespace": namespace},
            "spec": {
                "suspend": True,
                "template": {"spec": {"restartPolicy": "Never", "containers": [container("main")]}},
            },
        }
        made = bench.create(obj)
        uid = made["metadata"]["uid"]
        assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
        labels = made["spec"]["template"]["metadata"]["labels"]
        assert labels["batch.kubernetes.io/job-name"] == "j"
        assert (made["spec"]["parallelism"], made["spec"]["completions"]) == (1, 1)
        assert made["spec"]["backoffLimit"] == 6

    def test_a_network_policy_says_its_types(self, bench: Bench, namespace: str) -> None:
        """policyTypes follow from what rules there are: Egress only where there are egress rules."""
        base: dict[str, Any] = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
        one = {**base, "metadata": {"name": "one", "namespace": namespace}, "spec": {"podSelector": {}}}
        two = {
            **base,
            "metadata": {"name": "two", "namespace": namespace},
            "spec": {"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]},
        }
        assert bench.create(one)["spec"]["policyTypes"] == ["Ingress"]
        made = bench.create(two)["spec"]
        assert made["policyTypes"] == ["Ingress", "Egress"]
        assert made["egress"] == [{"ports": [{"port": 53, "protocol": "TCP"}]}]


class TestLeases:
    def test_a_lease_is_taken_by_compare_and_swap(self, bench: Bench, namespace: str) -> None:
        """Two who renew the same version: one wins, the other is told; times keep their microseconds."""
        spec = {
            "holderIdentity": "one",
            "leaseDurationSeconds": 15,
            "renewTime": "2026-01-02T03:04:05.123456Z",
            "leaseTransitions": 0,
        }
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "lock", "namespace": namespace, "annotations": {"example.com/head": "a"}},
            "spec": spec,
        }
        made = bench.create(lease)
        assert made["spec"] == spec
        version = made["metadata"]["resourceVersion"]
        taken = bench.patch(made, {"spec": {"holderIdentity": "two"}}, resource_version=version)
        with pytest.raises(Conflict):
            bench.patch(made, {"spec": {"holderIdentity": "three"}}, resource_version=version)
        with pytest.raises(Conflict):
            bench.delete(made, uid=made["metadata"]["uid"], resource_version=version)
        assert bench.get(made) == taken


class TestNodes:
    def test_a_node_is_cordoned_and_uncordoned(self, bench: Bench) -> None:
        """`unschedulable` is a field of the spec, which a null takes away again."""
        name = f"node-{uuid4().hex[:8]}"
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
        made = bench.create(node)
        assert bench.patch(made, {"spec": {"unschedulable": True}})["spec"]["unschedulable"] is True
        assert "unschedulable" not in bench.patch(made, {"spec": {"unschedulable": None}}).get("spec", {})
        bench.delete(made)
