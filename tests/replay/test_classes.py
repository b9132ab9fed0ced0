"""Workloads are serving, exclusive or unknown, by evidence."""

from __future__ import annotations

from typing import Any

import pytest

from migrate.model.decision import Decision, Form
from migrate.model.objects import Object, Ref, ref_of
from migrate.replay import Decisions
from tests.replay.builders import decide, deployment, obj, owner, service

CART = Ref("apps", "Deployment", "shop", "cart")


def cart(*objects: Object, workloads: dict[str, Any] | None = None) -> tuple[Decision, Decisions]:
    """The decision on Deployment shop/cart."""
    decisions = decide(*objects, workloads=workloads)
    decision = decisions.of(CART)
    assert decision is not None
    return decision, decisions


def test_one_replica_alone_is_no_evidence() -> None:
    """A single replica behind a Service is serving: many run one replica only to save money."""
    decision, _ = cart(deployment("cart", replicas=1), service("cart"))
    assert decision.workload_class == "serving"
    assert "Service cart selects it" in decision.evidence


@pytest.mark.parametrize(
    "near",
    [
        service("cart", namespace="other"),
        service("cart", type="ExternalName"),
        service("cart", selector={"app": "cart", "tier": "web"}),
        service("cart", selector={}),
    ],
    ids=["another namespace", "an external name", "a narrower selector", "no selector"],
)
def test_service_that_does_not_select_is_no_evidence(near: Object) -> None:
    """A Service elsewhere, with a narrower selector or with none does not make a workload serving."""
    assert cart(deployment("cart"), near)[0].workload_class == "unknown"


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["metrics"], "unknown"),
        (["http-metrics"], "unknown"),
        (["prometheus"], "unknown"),
        (["metrics", "https-metrics"], "unknown"),
        (["metrics", "http"], "serving"),
        (["metrics-ingest"], "serving"),
        ([None], "serving"),
        ([], "serving"),
    ],
)
def test_service_for_metrics_alone_is_no_caller(names: list[str | None], word: str) -> None:
    """Who is only scraped may be a queue's worker; a port beside it, or one without a name, may be called."""
    ports = [{"port": 80 + n, **({"name": name} if name else {})} for n, name in enumerate(names)]
    decision, decisions = cart(
        deployment("cart"), service("cart", ports=ports), workloads={"start": "serving"}
    )
    assert decision.workload_class == word
    assert (CART in decisions.startable) == (word == "serving")


def test_agent_of_every_node_serves_whatever_its_service_is_for() -> None:
    """A DaemonSet works for its nodes, not for a queue."""
    exporter = {**deployment("cart"), "kind": "DaemonSet"}
    scraped = service("cart")
    scraped["spec"]["ports"] = [{"name": "metrics", "port": 9100}]
    decision = decide(exporter, scraped).of(ref_of(exporter))
    assert decision is not None
    assert decision.workload_class == "serving"


def test_service_for_metrics_beside_one_that_is_called_takes_nothing_away() -> None:
    """Both select it: the one that is called counts, and it alone is named."""
    metrics = service("cart-metrics", selector={"app": "cart"}, ports=[{"port": 9100, "name": "metrics"}])
    decision, _ = cart(deployment("cart"), service("cart"), metrics)
    assert decision.workload_class == "serving"
    assert "cart-metrics" not in decision.evidence


@pytest.mark.parametrize(
    ("container", "word"),
    [
        ({"args": ["--leader-elect"]}, "exclusive"),
        ({"args": ["--leader-elect=true"]}, "exclusive"),
        ({"args": ["--enable-leader-election"]}, "exclusive"),
        ({"command": ["/app", "-leader-election", "true"]}, "exclusive"),
        ({"args": ["--leader-elect=false"]}, "serving"),
        ({"args": ["--leader-elect", "false"]}, "serving"),
        ({"args": ["--leader-elect-lease-duration=15s"]}, "exclusive"),
        ({"args": ["--leader-elect=false", "--leader-elect-lease-duration=15s"]}, "serving"),
        ({"args": ["--leader-election-id=cart"]}, "exclusive"),
        ({"args": ["--leader-election-namespace", "kube-system"]}, "exclusive"),
        ({"args": ["--leader-election-release-on-cancel=false"]}, "serving"),
        ({"args": ["--leaderElection.enabled=true"]}, "exclusive"),
        ({"args": ["--leaderElection.enabled=false", "--leaderElection.id=cart"]}, "serving"),
        ({"args": ["--disable-leader-election"]}, "serving"),
        ({"args": ["--disable-leader-election=false"]}, "exclusive"),
        ({"command": ["sh", "-c", "exec /manager --leader-elect"]}, "exclusive"),
        ({"command": ["sh", "-c"], "args": ["exec /manager '--leader-elect=true'; true"]}, "exclusive"),
        ({"command": ["sh", "-c", 'exec /manager --leader-elect="false" --leader-elect-id=x']}, "serving"),
        ({"command": ["sh", "-c", "exec /manager --leader-elect false"]}, "serving"),
        ({"command": ["sh", "-c", "LEADER_ELECT=true exec /manager"]}, "exclusive"),
        ({"command": ["sh", "-c", "echo no leader-election here"]}, "serving"),
        ({"env": [{"name": "LEADER_ELECT", "value": "true"}]}, "exclusive"),
        ({"env": [{"name": "APP_LEADER_ELECTION", "value": "false"}]}, "serving"),
        ({"env": [{"name": "LEADER_ELECTION_ID", "value": "x"}]}, "exclusive"),
        ({"env": [{"name": "LEADER_ELECTION_ID", "value": ""}]}, "serving"),
        ({"env": [{"name": "DISABLE_LEADER_ELECTION", "value": "true"}]}, "serving"),
        ({"env": [{"name": "LEADER_ELECT", "valueFrom": {"configMapKeyRef": {"name": "c"}}}]}, "exclusive"),
        ({"image": "r.example/external-dns/external-dns:v0.15.0"}, "exclusive"),
        ({"image": "jetstack/cert-manager-controller@sha256:00"}, "exclusive"),
        ({"image": "jetstack/cert-manager-webhook:v1"}, "serving"),
        ({"image": "argoproj/argocd:v3"}, "exclusive"),
        ({"image": "fluxcd/source-controller:v1"}, "exclusive"),
        ({"image": "shop/resource-controller:v1"}, "serving"),
        ({"image": "autoscaling/cluster-autoscaler-amd64:v1"}, "exclusive"),
        ({"image": "descheduler/descheduler"}, "exclusive"),
    ],
)
def test_container_gives_evidence(container: dict[str, Any], word: str) -> None:
    """Flags and variables of leader election, and images that act outside, make a called workload exclusive."""
    pod = {"containers": [{"name": "main", "image": "shop/cart:1", **container}]}
    assert cart(deployment("cart", pod=pod), service("cart"))[0].workload_class == word


def test_a_part_of_an_election_is_named_without_its_value() -> None:
    """What a switch says is shown; of what else is set beside it the name is evidence enough."""
    args = ["--leader-elect=true", "--leader-election-id=cart-lock"]
    pod = {"containers": [{"name": "main", "image": "shop/cart:1", "args": args}]}
    decision, _ = cart(deployment("cart", pod=pod), service("cart"))
    assert "argument --leader-elect=true, argument --leader-election-id" in decision.evidence.replace(
        ";", ","
    )
    assert "cart-lock" not in decision.evidence


@pytest.mark.parametrize(
    ("container", "word"),
    [
        ({"image": "r.example/external-dns/external-dns:v0.15.0", "restartPolicy": "Always"}, "exclusive"),
        ({"args": ["--leader-elect"], "restartPolicy": "Always"}, "exclusive"),
        ({"image": "r.example/external-dns/external-dns:v0.15.0"}, "serving"),
        ({"args": ["--leader-elect"]}, "serving"),
    ],
)
def test_sidecar_gives_evidence_and_what_has_ended_none(container: dict[str, Any], word: str) -> None:
    """An init container that is always restarted runs beside the others; any other is gone when they run."""
    pod = {"initContainers": [{"name": "before", "image": "shop/before:1", **container}]}
    assert cart(deployment("cart", pod=pod), service("cart"))[0].workload_class == word


def test_sidecar_does_not_say_what_a_pod_is_for() -> None:
    """A worker that nothing calls stays unknown, whatever front starts before it."""
    front = {"name": "front", "image": "traefik:v3.3", "restartPolicy": "Always"}
    assert cart(deployment("cart", pod={"initContainers": [front]}))[0].workload_class == "unknown"


@pytest.mark.parametrize("started", ["before", "beside"])
def test_a_front_excuses_no_leader_beside_it(started: str) -> None:
    """That the front leads only its own cluster says nothing of what an unknown container in its pod leads."""
    main = {"name": "main", "image": "shop/cart:1", "args": ["--leader-elect"]}
    front = {"name": "front", "image": "traefik:v3.3", "restartPolicy": "Always"}
    before = {"containers": [main], "initContainers": [front]}
    pod = before if started == "before" else {"containers": [main, front]}
    assert cart(deployment("cart", pod=pod), service("cart"))[0].workload_class == "exclusive"


@pytest.mark.parametrize(
    ("modes", "word"),
    [
        (["ReadWriteOnce"], "exclusive"),
        (["ReadWriteOncePod"], "exclusive"),
        (["ReadWriteMany"], "serving"),
        (["ReadOnlyMany"], "serving"),
    ],
)
def test_volume_for_one_gives_evidence(modes: list[str], word: str) -> None:
    """A claim for one node or pod makes its workload exclusive; one for many does not."""
    pod = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]}
    claim = obj("PersistentVolumeClaim", "d", "shop", spec={"accessModes": modes})
    assert cart(deployment("cart", pod=pod), service("cart"), claim)[0].workload_class == word


def test_claim_that_was_not_read_counts_as_evidence() -> None:
    """Not knowing a volume is no reason to mount it twice."""
    pod = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]}
    assert cart(deployment("cart", pod=pod), service("cart"))[0].workload_class == "exclusive"


RESTORED = {"volumes": [{"namespace": "shop", "name": "*data*", "as": "restored", "reason": "from a backup"}]}


def shared(name: str) -> Object:
    """A bound claim for many writers."""
    spec = {"accessModes": ["ReadWriteMany"], "volumeName": "v"}
    return obj("PersistentVolumeClaim", name, "shop", spec=spec)


def test_what_waits_for_its_data_does_not_start_before_it() -> None:
    """The data comes before before-writers: served earlier, the workload would serve, and fill, an empty volume."""
    pod = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    objects = deployment("cart", pod=pod), service("cart"), shared("data")
    assert cart(*objects)[0].workload_class == "serving"
    decision, decisions = cart(*objects, workloads=RESTORED)
    assert decision.workload_class == "exclusive"
    assert CART not in decisions.startable
    assert "claim data: its data is there only when the writers move" in decision.evidence


@pytest.mark.parametrize(
    ("mode", "start", "word"),
    [
        ("ReadWriteMany", "all", "exclusive"),
        ("ReadWriteMany", [{"namespace": "shop", "name": "cart"}], "serving"),
        ("ReadOnlyMany", "all", "serving"),
    ],
)
def test_both_sides_do_not_write_to_one_shared_volume(mode: str, start: Any, word: str) -> None:
    """A rule brings the very volume: who may write to it runs on one side, unless a person names it outright."""
    pod = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    claim = obj("PersistentVolumeClaim", "data", "shop", spec={"accessModes": [mode], "volumeName": "v"})
    volume = obj("PersistentVolume", "v", spec={"accessModes": [mode]})
    rule = {"kind": "PersistentVolume", "name": "v", "replay": True, "reason": "both sides reach it"}
    workloads = {"rules": [rule], **({} if start == "all" else {"start": start})}
    objects = deployment("cart", pod=pod), service("cart"), claim, volume
    assert cart(*objects, workloads=workloads)[0].workload_class == word


def test_a_set_waits_for_the_data_of_its_own_claims() -> None:
    """They are named after its template, the set and an ordinal; another's with a longer name are not its own."""
    template = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteMany"]}}
    spec = {**deployment("db")["spec"], "volumeClaimTemplates": [template]}
    stateful = obj("StatefulSet", "db", "shop", "apps/v1", spec=spec)
    for claim, word in (("data-db-0", "exclusive"), ("data-db-main-0", "serving")):
        decision = decide(stateful, service("db"), shared(claim), workloads=RESTORED).of(ref_of(stateful))
        assert decision is not None
        assert decision.workload_class == word


def test_strategy_recreate_gives_evidence() -> None:
    """Who asks that the old pod be gone before the new one comes, cannot run twice."""
    decision, _ = cart(deployment("cart", strategy={"type": "Recreate"}), service("cart"))
    assert (decision.workload_class, decision.rule) == ("exclusive", "hold.exclusive")
    assert "strategy Recreate" in decision.evidence


def running(namespace: str = "shop", name: str = "cart-5d9-abcde", **pod: Any) -> list[Object]:
    """A Deployment with its ReplicaSet and one Pod, with more about the pod where that is said."""
    top = deployment("cart", namespace)
    middle = obj("ReplicaSet", "cart-5d9", namespace, "apps/v1", uid=f"r-{namespace}", owners=owner(top))
    return [top, middle, obj("Pod", name, namespace, uid=f"p-{namespace}", owners=owner(middle), **pod)]


def lock(holder: str, namespace: str = "shop") -> Object:
    """A Lease that somebody holds."""
    return obj("Lease", "lock", namespace, "coordination.k8s.io/v1", spec={"holderIdentity": holder})


ON_NODE: dict[str, Any] = {
    "spec": {"hostNetwork": True, "nodeName": "n1"},
    "status": {
        "phase": "Running",
        "podIP": "192.0.2.1",
        "podIPs": [{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}],
    },
}
OF_ITS_OWN: dict[str, Any] = {
    "spec": {"nodeName": "n1"},
    "status": {"phase": "Running", "podIP": "10.32.0.7", "podIPs": [{"ip": "10.32.0.7"}, {"ip": "fd00::7"}]},
}
NODE = obj("Node", "n1", status={"addresses": [{"type": "Hostname", "address": "n1.shop.example"}]})


@pytest.mark.parametrize("holder", ["cart-5d9-abcde", "cart-5d9-abcde_0b1c2d3e-0000-0000-0000-000000000000"])
@pytest.mark.parametrize("space", ["shop", "locks"])
def test_lease_that_a_pod_holds_gives_evidence(holder: str, space: str) -> None:
    """A Lease held by a pod makes the workload at the top of its chain exclusive, wherever the Lease is kept."""
    lease = obj("Lease", "lock", space, "coordination.k8s.io/v1", spec={"holderIdentity": holder})
    decision, _ = cart(*running(), service("cart"), lease)
    assert decision.workload_class == "exclusive"
    assert "cart-5d9-abcde holds Lease" in decision.evidence


@pytest.mark.parametrize(
    ("pod", "holder", "word"),
    [
        (ON_NODE, "n1_0b1c2d3e-0000", "exclusive"),
        (ON_NODE, "n1", "exclusive"),
        (ON_NODE, "n1.shop.example_0b1c2d3e-0000", "exclusive"),
        (ON_NODE, "192.0.2.1:8443", "exclusive"),
        (ON_NODE, "[2001:db8::1]:8443", "exclusive"),
        (ON_NODE, "n2_0b1c2d3e-0000", "serving"),
        (OF_ITS_OWN, "n1_0b1c2d3e-0000", "serving"),
        (OF_ITS_OWN, "10.32.0.7:8443", "exclusive"),
        (OF_ITS_OWN, "10.32.0.7", "exclusive"),
        (OF_ITS_OWN, "fd00::7", "exclusive"),
        (OF_ITS_OWN, "[fd00::7]:8443", "exclusive"),
        (OF_ITS_OWN, "10.32.0.70:8443", "serving"),
        ({"status": {**OF_ITS_OWN["status"], "phase": "Succeeded"}}, "10.32.0.7:8443", "serving"),
        ({"spec": {"hostname": "leader"}}, "leader_0b1c2d3e-0000", "exclusive"),
        ({"name": f"cart-{'a' * 57}-5d9-abcde"}, f"cart-{'a' * 57}_0b1c2d3e-0000", "exclusive"),
    ],
)
def test_a_holder_is_known_by_what_its_pod_answers_to(pod: dict[str, Any], holder: str, word: str) -> None:
    """A node's name and address are those of the pods in its network alone, and an ended pod's address is another's."""
    assert cart(*running(**pod), service("cart"), NODE, lock(holder))[0].workload_class == word


@pytest.mark.parametrize(
    ("pod", "holder", "word"),
    [(ON_NODE, "n1_0b1c2d3e-0000", "serving"), (OF_ITS_OWN, "10.32.0.7:8443", "exclusive")],
)
def test_a_nodes_name_tells_nothing_in_another_namespace(pod: dict[str, Any], holder: str, word: str) -> None:
    """The control plane's own locks are held in its nodes' names: they are no evidence against an agent there."""
    assert cart(*running(**pod), service("cart"), lock(holder, "kube-system"))[0].workload_class == word


def test_who_may_hold_a_lock_is_evidence_against_each() -> None:
    """Two pods of a namespace in one node's network: either may lead, and it is said so."""
    other = obj("Pod", "agent", "shop", uid="p-agent", **ON_NODE)
    decision, _ = cart(*running(**ON_NODE), other, service("cart"), lock("n1_0b1c2d3e-0000"))
    assert decision.workload_class == "exclusive"
    assert "cart-5d9-abcde may hold Lease" in decision.evidence


def test_a_host_name_that_one_workloads_pods_share_tells_of_it_anywhere() -> None:
    """All pods of a template with a host name answer to it: whichever leads, it is that workload's."""
    first = running(spec={"hostname": "leader"})
    second = obj(
        "Pod", "cart-5d9-fghij", "shop", uid="p-2", owners=owner(first[1]), spec={"hostname": "leader"}
    )
    decision, _ = cart(*first, second, service("cart"), lock("leader_0b1c2d3e-0000", "locks"))
    assert decision.workload_class == "exclusive"


def test_older_leader_record_gives_evidence() -> None:
    """A record in a ConfigMap's annotation counts like a Lease; one that cannot be read is passed over."""
    key = "control-plane.alpha.kubernetes.io/leader"
    record = obj("ConfigMap", "l", "shop", annotations={key: '{"holderIdentity": "cart-5d9-abcde_1"}'})
    broken = obj("ConfigMap", "m", "shop", annotations={key: "{"})
    assert cart(*running(), service("cart"), broken)[0].workload_class == "serving"
    assert cart(*running(), service("cart"), broken, record)[0].workload_class == "exclusive"


def test_pod_of_that_name_in_two_namespaces_proves_nothing_elsewhere() -> None:
    """A Lease in a third namespace does not tell two pods of one name apart."""
    lease = obj("Lease", "lock", "locks", "coordination.k8s.io/v1", spec={"holderIdentity": "cart-5d9-abcde"})
    assert cart(*running(), *running("other"), service("cart"), lease)[0].workload_class == "serving"


def test_operators_hold_is_stronger_than_start() -> None:
    """What both lists name is held."""
    name = {"namespace": "shop", "name": "cart"}
    decision, decisions = cart(
        deployment("cart"), service("cart"), workloads={"start": [name], "hold": [name]}
    )
    assert decision.workload_class == "exclusive"
    assert "workloads.hold names it" in decision.evidence
    assert decisions.startable == frozenset()


def test_start_list_lets_an_uncalled_workload_run() -> None:
    """The operator's list makes an unknown workload serving, and leaves what it does not name waiting."""
    decision, decisions = cart(
        deployment("cart"),
        deployment("web"),
        service("web"),
        workloads={"start": [{"namespace": "shop", "name": "c*"}]},
    )
    assert decision.workload_class == "serving"
    assert decisions.startable == frozenset({CART})


def test_who_is_named_outright_starts_against_evidence() -> None:
    """The operator's word wins over what we found, and what we found is shown beside it."""
    start = {"start": [{"namespace": "shop", "name": "cart"}]}
    decision, decisions = cart(deployment("cart", strategy={"type": "Recreate"}), workloads=start)
    assert decision.workload_class == "serving"
    assert decisions.startable == frozenset({CART})
    assert "workloads.start lists it; against: strategy Recreate" in decision.evidence


@pytest.mark.parametrize("entry", [{"name": "c*"}, {}], ids=["a glob", "a whole namespace"])
def test_a_glob_does_not_outweigh_evidence(entry: dict[str, str]) -> None:
    """It was not written with that one workload in mind: nothing exclusive runs on both sides (invariant 7)."""
    start = {"start": [{"namespace": "shop", **entry}]}
    decision, decisions = cart(deployment("cart", strategy={"type": "Recreate"}), workloads=start)
    assert decision.workload_class == "exclusive"
    assert decisions.startable == frozenset()


@pytest.mark.parametrize("how", ["restored", "moved"])
def test_no_word_starts_what_waits_for_its_data(how: str) -> None:
    """On an empty volume it would serve nothing, and one volume that both sides attach is destroyed."""
    pod = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    claim = obj(
        "PersistentVolumeClaim", "data", "shop", spec={"accessModes": ["ReadWriteOnce"], "volumeName": "v"}
    )
    workloads: dict[str, Any] = {"start": [{"namespace": "shop", "name": "cart"}]}
    if how == "restored":
        workloads |= RESTORED
    else:
        workloads["rules"] = [{"kind": "PersistentVolume", "name": "v", "replay": True, "reason": "let go"}]
    decision, decisions = cart(
        deployment("cart", pod=pod), claim, obj("PersistentVolume", "v"), workloads=workloads
    )
    assert decision.workload_class == "exclusive"
    assert decisions.startable == frozenset()


def test_a_job_at_work_is_started_by_no_list() -> None:
    """It would do its work a second time beside blue's."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "shop/job:1"}]}
    job = obj("Job", "import", "shop", "batch/v1", spec={"template": {"spec": pod}}, status={"active": 1})
    rules = [{"kind": "Job", "name": "import", "replay": True, "reason": "begins anew"}]
    decisions = decide(job, workloads={"start": [{"namespace": "shop", "name": "import"}], "rules": rules})
    assert decisions.of(ref_of(job)) in decisions.held
    assert decisions.startable == frozenset()


@pytest.mark.parametrize(
    "image",
    [
        "registry.k8s.io/ingress-nginx/controller:v1.12.1@sha256:00",
        "registry.k8s.io/ingress-nginx/controller-chroot:v1.12.1",
        "nginx/nginx-ingress:4.0",
        "traefik:v3.3",
        "quay.io/jcmoraisjr/haproxy-ingress:v0.14.6",
        "haproxytech/kubernetes-ingress:3.1",
        "ghcr.io/projectcontour/contour:v1.30.2",
        "quay.io/jetstack/cert-manager-cainjector:v1.16.2",
        "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.14.0",
        "registry.k8s.io/metrics-server/metrics-server:v0.7.2",
    ],
)
def test_who_leads_only_its_own_cluster_serves(image: str) -> None:
    """Its lock and its arguments are shown as what speaks against it; anybody else with them is exclusive."""
    containers = [{"name": "main", "image": image, "args": ["--leader-elect"]}]
    top, middle, pod = running()
    top = deployment("cart", pod={"containers": containers})
    lease = obj("Lease", "l", "shop", "coordination.k8s.io/v1", spec={"holderIdentity": "cart-5d9-abcde"})
    decision, decisions = cart(top, middle, pod, lease)
    assert decision.workload_class == "serving"
    assert decisions.startable == frozenset({CART})
    assert "against: cart-5d9-abcde holds Lease shop/l; against: argument --leader-elect" in decision.evidence


def test_a_front_that_orders_certificates_is_judged_as_any_other() -> None:
    """Traefik with a resolver orders certificates itself: nothing is known for it."""
    args = ["--certificatesresolvers.le.acme.email=ops@shop.example"]
    pod = {"containers": [{"name": "main", "image": "traefik:v3.3", "args": args}]}
    assert cart(deployment("cart", pod=pod))[0].workload_class == "unknown"


def test_start_none_starts_nothing() -> None:
    """With `start: none` a serving workload keeps its class and waits for the cutover."""
    decision, decisions = cart(deployment("cart"), service("cart"), workloads={"start": "none"})
    assert decision.workload_class == "serving"
    assert decisions.startable == frozenset()


@pytest.mark.parametrize("kind", ["serving", "exclusive", "unknown"])
def test_only_what_may_not_run_twice_rests_on_blue(kind: str) -> None:
    """Every workload is held at 0; the patch for blue's twin is there for exclusive and unknown ones only."""
    extra = {"serving": [service("cart")], "exclusive": [], "unknown": []}[kind]
    spec: dict[str, Any] = {"strategy": {"type": "Recreate"}} if kind == "exclusive" else {}
    decision, _ = cart(deployment("cart", **spec), *extra)
    assert (decision.workload_class, decision.form, decision.wave) == (kind, Form.HELD, 11)
    assert decision.target is not None
    assert decision.hold is not None
    assert decision.target["spec"]["replicas"] == 0
    assert decision.hold.rest_blue == (None if kind == "serving" else {"spec": {"replicas": 0}})


def test_resting_a_set_that_deletes_its_claims_keeps_them() -> None:
    """A StatefulSet with whenScaled Delete is told to retain in the patch that rests it: its claims are the way back."""
    templates = [{"metadata": {"name": "d"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]
    policy = {"whenScaled": "Delete", "whenDeleted": "Retain"}
    spec = {"replicas": 2, "volumeClaimTemplates": templates, "persistentVolumeClaimRetentionPolicy": policy}
    found = decide(obj("StatefulSet", "db", "shop", "apps/v1", spec=spec)).held[0]
    assert found.hold is not None
    assert found.hold.rest_blue == {
        "spec": {"replicas": 0, "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Retain"}}
    }


def test_chain_of_controllers_that_is_a_circle_ends() -> None:
    """Two workloads that name each other as controller, which no server forbids, do not hang the lease's search."""
    one, two = deployment("cart"), deployment("web")
    one["metadata"]["ownerReferences"], two["metadata"]["ownerReferences"] = owner(two), owner(one)
    pod = obj("Pod", "cart-1", "shop", uid="p", owners=owner(one))
    lease = obj("Lease", "lock", "shop", "coordination.k8s.io/v1", spec={"holderIdentity": "cart-1"})
    free = deployment("free")  # the lease is only looked at for a workload that moves
    assert [d.ref.name for d in decide(one, two, pod, lease, free).held] == ["free"]


def test_leader_record_without_a_holder_is_none() -> None:
    """A record whose leader has gone names nobody."""
    key = "control-plane.alpha.kubernetes.io/leader"
    record = obj("ConfigMap", "l", "shop", annotations={key: '{"holderIdentity": ""}'}, data={"a": "b"})
    assert cart(*running(), service("cart"), record)[0].workload_class == "serving"
