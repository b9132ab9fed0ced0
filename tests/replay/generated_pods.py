"""Generated pod specs and pod templates: valid, rich in optional fields and in empty values that mean something."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.replay.generated_parts import (
    ANNOTATIONS,
    LABELS,
    QUANTITIES,
    SELECTORS,
    STATES,
    TEXTS,
    const,
    either,
    parts,
)

Json = dict[str, Any]

VOLUMES: dict[str, Json] = {
    "scratch": {"emptyDir": {}},
    "memory": {"emptyDir": {"medium": "Memory", "sizeLimit": "1.5Gi"}},
    "settings": {
        "configMap": {
            "name": "settings",
            "items": [{"key": "a", "path": "b/c", "mode": 256}],
            "defaultMode": 0,
        }
    },
    "optional": {"secret": {"secretName": "absent", "optional": True}},
    "host": {"hostPath": {"path": "/var/log", "type": ""}},
    "labels": {"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    "claim": {"persistentVolumeClaim": {"claimName": "data", "readOnly": True}},
    "inline": {"csi": {"driver": "csi.example.net", "volumeAttributes": {}}},
    "own": {
        "ephemeral": {
            "volumeClaimTemplate": {
                "metadata": {"labels": {"a": ""}},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Gi"}},
                    "storageClassName": "",
                },
            }
        }
    },
    "many": {
        "projected": {
            "sources": [
                {"secret": {"name": "absent", "items": [{"key": "k", "path": "p"}]}},
                {"configMap": {"name": "settings", "optional": False}},
            ]
        }
    },
}

TOKEN_VOLUME: Json = {
    "name": "kube-api-access-x7k2p",
    "projected": {"sources": [{"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}]},
}
TOKEN_MOUNT = {
    "name": "kube-api-access-x7k2p",
    "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
    "readOnly": True,
}
"""What blue's server put into a Pod for its ServiceAccount."""

ENV = either(
    {"name": "EMPTY", "value": ""},
    {"name": "UNSET"},
    {"name": "UNICODE", "value": "größer 🜛 $(EMPTY) \\u0000"},
    {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "absent", "key": "a.b", "optional": True}}},
    {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "0"}}},
)
PROBES = either(
    {"httpGet": {"path": "", "port": 80}},
    {"httpGet": {"path": "/ü", "port": "web", "httpHeaders": [{"name": "X-A", "value": ""}]}},
    {"tcpSocket": {"port": 80, "host": ""}, "initialDelaySeconds": 0, "timeoutSeconds": 3},
    {"exec": {"command": ["true", ""]}, "failureThreshold": 9},
    {"grpc": {"port": 80, "service": ""}},
)
SECURITY = either(
    {},
    {"capabilities": {"drop": ["ALL"], "add": []}, "privileged": False, "readOnlyRootFilesystem": True},
    {"runAsUser": 0, "runAsNonRoot": False, "seccompProfile": {"type": "RuntimeDefault"}},
)
PORTS: list[Json] = [
    {"name": "web", "containerPort": 80},
    {"containerPort": 80, "protocol": "UDP"},
    {"containerPort": 9000, "hostPort": 0, "hostIP": ""},
]
LIFECYCLES = either(
    {}, {"preStop": {"exec": {"command": ["sleep", "5"]}}}, {"preStop": {"sleep": {"seconds": 1}}}
)


@st.composite
def _container(draw: st.DrawFn, name: str, volumes: list[str], *, probed: bool = True) -> Json:
    container: Json = draw(
        parts(
            {"name": const(name), "image": either("shop/main:1", "registry.example/a@sha256:" + "0" * 64)},
            command=either([], ["sh", "-c", ""]),
            args=st.lists(TEXTS, max_size=2),
            env=st.lists(ENV, max_size=3, unique_by=lambda e: e["name"]),
            envFrom=either([], [{"prefix": "P_", "configMapRef": {"name": "settings", "optional": True}}]),
            ports=st.lists(st.sampled_from(PORTS), max_size=2, unique_by=str),
            resources=st.one_of(
                const({}),
                st.fixed_dictionaries({"requests": st.fixed_dictionaries({"cpu": QUANTITIES})}),
                const({"limits": {"memory": "1Gi", "example.net/device": "2"}}),
            ),
            securityContext=SECURITY,
            imagePullPolicy=either("Always", "Never", "IfNotPresent"),
            terminationMessagePath=const("/dev/null"),
            tty=st.booleans(),
            workingDir=either("", "/srv"),
            **(
                {
                    "livenessProbe": PROBES,
                    "readinessProbe": PROBES,
                    "startupProbe": PROBES,
                    "lifecycle": LIFECYCLES,
                }
                if probed
                else {}
            ),
        )
    )
    if container.get("livenessProbe", {}).get("httpGet", {}).get("port") == "web":
        container["ports"] = [PORTS[0]]
    mounted = draw(st.lists(st.sampled_from(volumes), max_size=2, unique=True)) if volumes else []
    if mounted:
        container["volumeMounts"] = [
            {"name": v, "mountPath": f"/mnt/{v}", **draw(either({}, {"subPath": "", "readOnly": True}))}
            for v in mounted
        ]
    return container


AFFINITIES = either(
    {},
    {"nodeAffinity": {}},
    {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "disk", "operator": "DoesNotExist"}]},
                    {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]},
                ]
            }
        }
    },
    {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "podAffinityTerm": {
                        "labelSelector": {},
                        "namespaceSelector": {},
                        "topologyKey": "kubernetes.io/hostname",
                    },
                }
            ]
        }
    },
)
SPREADS: list[Json] = [
    {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"},
    {
        "maxSkew": 2,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {},
        "minDomains": 2,
    },
]


@st.composite
def pod_specs(
    draw: st.DrawFn, *, restart: tuple[str, ...] = ("Always",), seconds: bool = False, placed: bool = True
) -> Json:
    """A pod's spec; `restart` are the restart policies that are allowed."""
    volumes = draw(st.lists(st.sampled_from(sorted(VOLUMES)), max_size=3, unique=True))
    spec: Json = draw(
        parts(
            {"containers": st.tuples(_container("main", volumes)).map(list)},
            restartPolicy=st.sampled_from(restart),
            initContainers=st.one_of(
                const([]),
                st.tuples(_container("first", volumes, probed=False)).map(list),
                const([{"name": "side", "image": "shop/side:1", "restartPolicy": "Always"}]),
            ),
            nodeSelector=either({}, {"disk": ""}, {"kubernetes.io/os": "linux"}),
            tolerations=either(
                [],
                [{"operator": "Exists"}],
                [{"key": "a", "value": "", "effect": "NoExecute", "tolerationSeconds": 0}],
            ),
            affinity=AFFINITIES,
            topologySpreadConstraints=st.lists(st.sampled_from(SPREADS), max_size=2, unique_by=str),
            securityContext=either(
                {}, {"fsGroup": 0, "sysctls": [{"name": "net.core.somaxconn", "value": "9"}]}
            ),
            hostAliases=either([], [{"ip": "192.0.2.7", "hostnames": ["a.example.net"]}]),
            dnsPolicy=either("Default", "ClusterFirstWithHostNet"),
            dnsConfig=either({}, {"options": [{"name": "ndots", "value": "2"}, {"name": "debug"}]}),
            serviceAccountName=either("", "default", "robot"),
            automountServiceAccountToken=st.booleans(),
            terminationGracePeriodSeconds=st.integers(2, 2**31),
            enableServiceLinks=st.booleans(),
            shareProcessNamespace=st.booleans(),
            hostname=either("", "h"),
            subdomain=either("", "s"),
            schedulerName=const("other"),
            imagePullSecrets=either([], [{"name": "registry"}]),
            readinessGates=either([], [{"conditionType": "example.net/ready"}]),
            os=const({"name": "linux"}),
            **({"activeDeadlineSeconds": st.integers(1, 2**31 - 1)} if seconds else {}),
            **({"nodeName": const("n1")} if placed else {}),
        )
    )
    if restart != ("Always",):
        spec.setdefault("restartPolicy", restart[0])
    if volumes:
        spec["volumes"] = [{"name": name, **VOLUMES[name]} for name in volumes]
    return spec


@st.composite
def templates(draw: st.DrawFn, /, labels: Json, **more: Any) -> Json:
    """A pod template with at least these labels."""
    spec = draw(pod_specs(**more))
    priority = draw(either({}, {"priorityClassName": "weighty", "preemptionPolicy": "Never"}))
    metadata: Json = {"labels": {**draw(LABELS), **labels}}
    metadata |= draw(parts({}, annotations=ANNOTATIONS | STATES, finalizers=const(["example.net/hold"])))
    return {"metadata": metadata, "spec": {**spec, **priority}}


@st.composite
def bare_pods(draw: st.DrawFn) -> Json:
    """The body of a Pod that no controller owns, as a server may have completed it."""
    spec = draw(pod_specs(restart=("Always", "Never", "OnFailure"), seconds=True, placed=False))
    if draw(st.booleans()):
        # what the server adds for the ServiceAccount; half of such pods have no other volume
        spec["serviceAccountName"] = "robot"
        spec["volumes"] = [*spec.get("volumes", ()), TOKEN_VOLUME]
        for container in spec["containers"]:
            container["volumeMounts"] = [*container.get("volumeMounts", ()), TOKEN_MOUNT]
    spec |= draw(either({}, {"nodeName": "n1"}, {"schedulingGates": [{"name": "example.net/wait"}]}))
    return {"spec": spec}


@st.composite
def selected(draw: st.DrawFn, /, **more: Any) -> Json:
    """A selector and a template that it matches."""
    selector = draw(
        either(
            {"matchLabels": {"app": "a"}},
            {"matchLabels": {"app": "a", "role": ""}},
            {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
            {"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "off", "operator": "DoesNotExist"}]},
        )
    )
    return {"selector": selector, "template": draw(templates({"app": "a", "role": ""}, **more))}


def claim_specs() -> SearchStrategy[Json]:
    """The spec of a claim, or of a claim's template."""
    return parts(
        {
            "accessModes": either(["ReadWriteOnce"], ["ReadWriteMany", "ReadOnlyMany"], ["ReadWriteOncePod"]),
            "resources": either(
                {"requests": {"storage": "1Gi"}},
                {"requests": {"storage": "0.5Ti"}, "limits": {"storage": "1Ti"}},
            ),
        },
        storageClassName=either("", "fast"),
        volumeMode=either("Block", "Filesystem"),
        selector=SELECTORS,
    )
