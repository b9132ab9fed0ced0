"""Generated objects that stand in a namespace: configuration, Services, policies, claims, custom resources."""

from __future__ import annotations

import base64

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.replay.generated_cluster import device_claims as device_claim_specs
from tests.replay.generated_parts import FREE, LABELS, SELECTORS, TEXTS, Json, const, either, parts, specs
from tests.replay.generated_pods import claim_specs, templates

FILES = either("a", "A.b-c_9", ".data", "k" * 253)
ENCODED = (TEXTS | const("") | const("big " * 5000)).map(lambda t: base64.b64encode(t.encode()).decode())


def config_maps() -> SearchStrategy[Json]:
    """The body of a ConfigMap."""
    return parts(
        {},
        data=st.dictionaries(FILES, TEXTS, max_size=2),
        binaryData=st.dictionaries(const("binary"), ENCODED, max_size=1),
        immutable=st.booleans(),
    )


def _typed(kind: str, **data: str) -> Json:
    return {
        "type": kind,
        "data": {k.replace("_", "."): base64.b64encode(v.encode()).decode() for k, v in data.items()},
    }


def secrets() -> SearchStrategy[Json]:
    """The body of a Secret of any type that moves."""
    token = _typed("kubernetes.io/service-account-token", token="t", ca_crt="c", namespace="n")
    account = {"metadata": {"annotations": {"kubernetes.io/service-account.name": "robot"}}}
    typed = either(
        _typed("kubernetes.io/tls", tls_crt="", tls_key="", ca_crt="x"),
        _typed("kubernetes.io/dockerconfigjson", _dockerconfigjson='{"auths":{}}'),
        _typed("kubernetes.io/basic-auth", username="", password="ä"),
        {"type": "kubernetes.io/ssh-auth", "data": {"ssh-privatekey": "eA=="}},
        _typed("helm.sh/release.v1", release="H4sI"),
        {**token, **account},
        {**token, **account, "data": {**token["data"], "extra": ""}},
        {"type": token["type"], **account},
    )
    free = parts(
        {}, type=either("Opaque", "example.net/Own"), data=st.dictionaries(FILES, ENCODED, max_size=2)
    )
    return st.builds(lambda a, b: {**a, **b}, free, parts({}, immutable=st.booleans())) | typed


def accounts() -> SearchStrategy[Json]:
    """The body of a ServiceAccount."""
    return parts(
        {},
        secrets=either([], [{"name": "robot-token-x7k2p"}]),
        imagePullSecrets=either([], [{"name": "registry"}, {"name": "other"}]),
        automountServiceAccountToken=st.booleans(),
    )


def endpoints() -> SearchStrategy[Json]:
    """The body of Endpoints made by hand."""
    ready = {"addresses": [{"ip": "192.0.2.10", "hostname": "a"}, {"ip": "192.0.2.9", "nodeName": "n1"}]}
    subsets = either(
        [],
        [{**ready, "ports": [{"port": 80}]}],
        [{**ready, "ports": [{"name": "b", "port": 2}, {"name": "a", "port": 1, "protocol": "UDP"}]}],
        [{"notReadyAddresses": [{"ip": "192.0.2.8"}], "ports": [{"port": 80, "appProtocol": "http"}]}],
    )
    return parts({}, subsets=subsets)


def slices() -> SearchStrategy[Json]:
    """The body of an EndpointSlice made by hand."""
    endpoint = parts(
        {},
        conditions=either({}, {"ready": False}, {"ready": True, "serving": True, "terminating": False}),
        hints=const({"forZones": [{"name": "z"}]}),
        zone=const("z"),
        nodeName=const("n1"),
        hostname=const("h"),
    )
    ports = either(
        [], [{"port": 80}], [{"name": "a", "port": 53, "protocol": "UDP"}, {"name": "b", "port": 1}]
    )

    def of(family: str, address: str) -> SearchStrategy[Json]:
        each = endpoint.map(lambda e: {**e, "addresses": [address]})
        return parts({"addressType": const(family), "endpoints": st.lists(each, max_size=2)}, ports=ports)

    return of("IPv4", "192.0.2.10") | of("IPv6", "2001:db8::1") | of("FQDN", "a.example.net")


def pod_templates() -> SearchStrategy[Json]:
    """The body of a PodTemplate."""
    return parts({"template": templates({"app": "a"})})


def quotas() -> SearchStrategy[Json]:
    """The body of a ResourceQuota."""
    scope = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["a"]}]}
    hard = either({"pods": "0"}, {"pods": "1e3"})
    return specs(
        parts({"hard": hard}, scopes=either([], ["NotTerminating"]))
        | const({"hard": {"requests.cpu": "0.1", "count/things.example.net": "9007199254740993"}})
        | const({"hard": {"pods": "1"}, "scopeSelector": scope})
    )


def limits() -> SearchStrategy[Json]:
    """The body of a LimitRange."""
    limit = either(
        {
            "type": "Container",
            "default": {"cpu": "0.5"},
            "defaultRequest": {"cpu": "100m"},
            "max": {"cpu": "2"},
        },
        {"type": "Pod", "max": {"memory": "1e10"}, "maxLimitRequestRatio": {"memory": "2"}},
        {"type": "PersistentVolumeClaim", "min": {"storage": "0.5Gi"}},
    )
    return specs(parts({"limits": st.lists(limit, max_size=2, unique_by=lambda each: each["type"])}))


_PORTS = either(
    [{"port": 80}],
    [{"port": 80, "targetPort": "web", "protocol": "TCP", "appProtocol": "kubernetes.io/h2c"}],
    [
        {"name": "a", "port": 53, "protocol": "UDP", "targetPort": 0},
        {"name": "b", "port": 53, "targetPort": 1053},
    ],
)
_SELECTED = either({}, {"app": "a"}, {"app": "a", "role": ""})
_TAKEN = {
    "metadata": {"annotations": {"metallb.io/address-pool": "public", "projectcalico.org/ipv4pools": "[]"}}
}


def services() -> SearchStrategy[Json]:
    """The body of a Service of any type, headless ones, and those with addresses outside."""
    common = {
        "selector": _SELECTED,
        "sessionAffinity": either("None", "ClientIP"),
        "publishNotReadyAddresses": st.booleans(),
        "internalTrafficPolicy": either("Cluster", "Local"),
        "trafficDistribution": const("PreferClose"),
        "ipFamilyPolicy": either("SingleStack", "PreferDualStack"),
    }
    ported = {"ports": _PORTS}
    outside = {"externalIPs": either([], ["192.0.2.55"])}
    balancer = {
        **common,
        **outside,
        "loadBalancerClass": const("example.net/lb"),
        "loadBalancerIP": const("192.0.2.66"),
        "loadBalancerSourceRanges": either([], ["10.0.0.0/8", "192.0.2.0/24"]),
    }
    # a health check port is taken from the node ports at random, and could take one that another Service names
    local = {"externalTrafficPolicy": "Local", "allocateLoadBalancerNodePorts": False}
    either_way = either(
        {}, local, {"allocateLoadBalancerNodePorts": False}, {"externalTrafficPolicy": "Cluster"}
    )
    named = parts({"type": const("ExternalName"), "externalName": const("a.example.net")}, ports=_PORTS)
    spec = st.one_of(
        parts(ported, type=const("ClusterIP"), **common, **outside),
        parts({"clusterIP": const("None")}, ports=_PORTS, selector=_SELECTED),
        parts(
            {**ported, "type": const("NodePort")},
            externalTrafficPolicy=either("Local", "Cluster"),
            **common,
            **outside,
        ),
        st.builds(
            lambda a, b: {**a, **b}, parts({**ported, "type": const("LoadBalancer")}, **balancer), either_way
        ),
        named,
    )
    return st.builds(lambda s, pooled: {"spec": s, **pooled}, spec, either({}, {}, _TAKEN))


def claims() -> SearchStrategy[Json]:
    """The body of a claim, bound by its provisioner or not."""
    source = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "s"}
    origin = either({}, {"volumeName": "pvc-1"}, {"dataSource": source}, {"dataSourceRef": source})
    bound = {"pv.kubernetes.io/bind-completed": "yes", "volume.kubernetes.io/selected-node": "n1"}
    noted = either({}, {"metadata": {"annotations": bound}})
    return st.builds(lambda spec, o, n: {"spec": {**spec, **o}, **n}, claim_specs(), origin, noted)


def ingresses() -> SearchStrategy[Json]:
    """The body of an Ingress, by class, by the older annotation, or by neither."""
    service = either({"name": "a", "port": {"number": 80}}, {"name": "a", "port": {"name": "web"}})
    backend = service.map(lambda s: {"service": s}) | const(
        {"resource": {"apiGroup": "example.net", "kind": "Thing", "name": "t"}}
    )
    path = parts({"path": either("/", "/a/b"), "pathType": either("Prefix", "Exact"), "backend": backend})
    rule = parts(
        {},
        host=either("a.example.net", "*.example.net"),
        http=parts({"paths": st.lists(path, min_size=1, max_size=2)}),
    )
    spec = parts(
        {"defaultBackend": backend},
        rules=st.lists(rule, max_size=2),
        tls=either([], [{}], [{"hosts": ["a.example.net"], "secretName": "tls"}]),
    )
    annotated = {"metadata": {"annotations": {"kubernetes.io/ingress.class": "nginx"}}}
    by_class = st.builds(lambda s: {"spec": {**s, "ingressClassName": "nginx"}}, spec)
    return by_class | st.builds(lambda s, m: {"spec": s, **m}, spec, either({}, annotated))


def ingress_classes() -> SearchStrategy[Json]:
    """The body of an IngressClass."""
    parameters = {"apiGroup": "example.net", "kind": "Thing", "name": "t"}
    return specs(
        parts(
            {"controller": const("example.net/ingress")},
            parameters=either(
                {**parameters, "scope": "Cluster"},
                {**parameters, "scope": "Namespace", "namespace": "generated"},
            ),
        )
    )


def policies() -> SearchStrategy[Json]:
    """The body of a NetworkPolicy, where what is empty opens or closes everything."""
    peer = either(
        {"podSelector": {}},
        {"namespaceSelector": {}},
        {"podSelector": {"matchLabels": {"a": ""}}, "namespaceSelector": {}},
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.32.0.0/12"]}},
        {"ipBlock": {"cidr": "2001:db8::/32"}},
    )
    port = either(
        {},
        {"port": 80},
        {"port": "web", "protocol": "UDP"},
        {"port": 1024, "endPort": 2048, "protocol": "SCTP"},
    )

    def rules(key: str) -> SearchStrategy[list[Json]]:
        rule = parts({}, ports=st.lists(port, max_size=2)) | st.builds(
            lambda a, b: {**a, key: b},
            parts({}, ports=st.lists(port, max_size=2)),
            st.lists(peer, max_size=2),
        )
        return st.lists(rule, max_size=3)

    return specs(
        parts(
            {"podSelector": SELECTORS},
            ingress=rules("from"),
            egress=rules("to"),
            policyTypes=either(["Ingress"], ["Egress"], ["Ingress", "Egress"]),
        )
    )


def budgets() -> SearchStrategy[Json]:
    """The body of a PodDisruptionBudget."""
    bound = either(
        {"minAvailable": 0}, {"minAvailable": "100%"}, {"maxUnavailable": 0}, {"maxUnavailable": "1%"}, {}
    )
    rest = parts({}, selector=SELECTORS, unhealthyPodEvictionPolicy=either("AlwaysAllow", "IfHealthyBudget"))
    return specs(st.builds(lambda a, b: {**a, **b}, rest, bound))


def device_claims() -> SearchStrategy[Json]:
    """The body of a ResourceClaim."""
    return specs(device_claim_specs())


def device_claim_templates() -> SearchStrategy[Json]:
    """The body of a ResourceClaimTemplate."""
    return specs(parts({"spec": device_claim_specs()}, metadata=parts({}, labels=LABELS)))


def custom() -> SearchStrategy[Json]:
    """The body of a custom resource whose schema asks for nothing; its status is blue's."""
    return parts({}, spec=FREE, data=FREE, status=FREE, list=const([{}, "", None, [], 2**62 + 1]))


def suspendable() -> SearchStrategy[Json]:
    """The body of a custom resource that knows `suspend`."""
    return specs(st.builds(lambda a, b: {**a, **b}, FREE, either({}, {"suspend": False}, {"suspend": True})))


def gateways() -> SearchStrategy[Json]:
    """The body of a Gateway."""
    return specs(st.builds(lambda free: {**free, "gatewayClassName": "public", "listeners": []}, FREE))


def applications() -> SearchStrategy[Json]:
    """The body of Argo CD's Application, with a synchronisation under way or not."""
    policy = either({}, {"automated": {}}, {"automated": {"prune": True}, "syncOptions": []})
    spec = st.builds(lambda free, p: {**free, "syncPolicy": p}, FREE, policy)
    return parts({"spec": spec}, operation=const({"sync": {}}))


def snapshot_classes() -> SearchStrategy[Json]:
    """The body of a VolumeSnapshotClass."""
    return parts(
        {"driver": const("csi.example.net"), "deletionPolicy": either("Delete", "Retain")}, parameters=FREE
    )
