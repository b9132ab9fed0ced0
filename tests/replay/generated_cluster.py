"""Generated objects that belong to a whole cluster, or guard it: classes, rights, admission, definitions, volumes."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.replay.generated_parts import BUNDLE, LABELS, SELECTORS, TEXTS, Json, const, either, parts

NOWHERE = {"apiGroups": ["unused.example.net"], "apiVersions": ["*"], "resources": ["*"]}
"""What generated admission speaks of: nothing that any test writes."""

RULES = either(
    {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["*"]},
    {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get"], "resourceNames": ["a", "ü"]},
    {"apiGroups": [], "resources": ["secrets"], "verbs": []},
)
SUBJECTS = either(
    {"kind": "ServiceAccount", "name": "default", "namespace": "generated"},
    {"kind": "User", "name": "jörg@example.net", "apiGroup": "rbac.authorization.k8s.io"},
    {"kind": "Group", "name": "team:a b", "apiGroup": "rbac.authorization.k8s.io"},
)


def roles() -> SearchStrategy[Json]:
    """The body of a Role."""
    return parts({"rules": st.lists(RULES.filter(lambda r: r["verbs"] and r["apiGroups"]), max_size=2)})


def cluster_roles() -> SearchStrategy[Json]:
    """The body of a ClusterRole, some put together from others."""
    links = {"apiGroups": [], "nonResourceURLs": ["/metrics", "*"], "verbs": ["get"], "resources": []}
    aggregated = {
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": ""}}, {}]},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }
    return roles() | const({"rules": [links]}) | const(aggregated)


def bindings(role: str) -> SearchStrategy[Json]:
    """The body of a binding to a role of a kind."""
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": "team:Rolle ä"}
    return parts({"roleRef": const(ref)}, subjects=st.lists(SUBJECTS, max_size=3))


def priority_classes() -> SearchStrategy[Json]:
    """The body of a PriorityClass."""
    return parts(
        {"value": st.integers(-(10**9), 10**9)},
        globalDefault=const(False),
        description=TEXTS,
        preemptionPolicy=either("Never", "PreemptLowerPriority"),
    )


def runtime_classes() -> SearchStrategy[Json]:
    """The body of a RuntimeClass."""
    return parts(
        {"handler": const("kata")},
        overhead=either({}, {"podFixed": {"cpu": "0.25", "memory": "120Mi"}}),
        scheduling=either({}, {"nodeSelector": {"kata": ""}, "tolerations": [{"operator": "Exists"}]}),
    )


def storage_classes() -> SearchStrategy[Json]:
    """The body of a StorageClass."""
    topology = {"matchLabelExpressions": [{"key": "topology.kubernetes.io/zone", "values": ["a", "b"]}]}
    return parts(
        {"provisioner": const("csi.example.net")},
        parameters=either({}, {"type": "", "csi.storage.k8s.io/fstype": "ext4"}),
        reclaimPolicy=either("Retain", "Delete"),
        mountOptions=either([], ["noatime", ""]),
        allowVolumeExpansion=st.booleans(),
        volumeBindingMode=either("Immediate", "WaitForFirstConsumer"),
        allowedTopologies=either([], [topology]),
    )


def csi_drivers() -> SearchStrategy[Json]:
    """The body of a CSIDriver."""
    spec = parts(
        {},
        attachRequired=st.booleans(),
        podInfoOnMount=st.booleans(),
        volumeLifecycleModes=either(["Ephemeral"], ["Persistent", "Ephemeral"]),
        storageCapacity=st.booleans(),
        fsGroupPolicy=either("None", "File"),
        tokenRequests=either([], [{"audience": ""}, {"audience": "vault", "expirationSeconds": 3600}]),
        requiresRepublish=st.booleans(),
        seLinuxMount=st.booleans(),
    )
    return parts({"spec": spec})


def volume_attributes_classes() -> SearchStrategy[Json]:
    """The body of a VolumeAttributesClass."""
    return parts(
        {"driverName": const("csi.example.net"), "parameters": either({"iops": "100"}, {"a": "", "b": "ü"})}
    )


def volumes() -> SearchStrategy[Json]:
    """The body of a PersistentVolume that somebody made by hand."""
    there = [{"matchExpressions": [{"key": "disk", "operator": "Exists"}]}]
    labelled = {"nodeAffinity": {"required": {"nodeSelectorTerms": there}}}
    source = either(
        {"nfs": {"server": "nfs.example.net", "path": "/ä b"}},
        {"hostPath": {"path": "/data", "type": ""}, **labelled},
        {
            "csi": {
                "driver": "csi.example.net",
                "volumeHandle": "v",
                "volumeAttributes": {},
                "readOnly": False,
            }
        },
        {"local": {"path": "/mnt"}, **labelled},
    )
    claim = {"kind": "PersistentVolumeClaim", "namespace": "generated", "name": "a", "apiVersion": "v1"}
    rest = parts(
        {
            "capacity": either({"storage": "1Gi"}, {"storage": "0.5Ti"}),
            "accessModes": const(["ReadWriteMany"]),
        },
        claimRef=either(
            claim, {**claim, "uid": "11111111-1111-4111-8111-111111111111", "resourceVersion": "7"}
        ),
        persistentVolumeReclaimPolicy=either("Delete", "Retain"),
        mountOptions=either([], ["ro"]),
        storageClassName=either("", "fast"),
        volumeMode=either("Filesystem", "Block"),
    )
    return parts({"spec": st.builds(lambda a, b: {**a, **b}, source, rest)})


SERVICE_HOOK = {"service": {"namespace": "generated", "name": "hook", "path": "/a", "port": 8443}}
HOOKS = either(
    {"url": "https://hooks.example.net/a"},
    SERVICE_HOOK,
    {**SERVICE_HOOK, "caBundle": BUNDLE},
    {"service": {"namespace": "generated", "name": "hook"}, "caBundle": ""},
)


def webhooks(*, mutating: bool) -> SearchStrategy[Json]:
    """The body of a webhook configuration."""
    webhook = parts(
        {
            "clientConfig": HOOKS,
            "sideEffects": either("None", "NoneOnDryRun"),
            "admissionReviewVersions": either(["v1"], ["v1", "v1beta1"]),
        },
        rules=either([], [{**NOWHERE, "operations": ["*"], "scope": "Namespaced"}]),
        failurePolicy=either("Ignore", "Fail"),
        matchPolicy=either("Exact", "Equivalent"),
        namespaceSelector=SELECTORS,
        objectSelector=SELECTORS,
        timeoutSeconds=st.integers(1, 30),
        matchConditions=either([], [{"name": "a", "expression": "request.name != 'ä'"}]),
        **({"reinvocationPolicy": either("Never", "IfNeeded")} if mutating else {}),
    )
    return st.lists(webhook, max_size=2).map(
        lambda found: {"webhooks": [{"name": f"w{i}.example.net", **w} for i, w in enumerate(found)]}
    )


MATCHES = parts(
    {"resourceRules": const([{**NOWHERE, "operations": ["CREATE"]}])},
    namespaceSelector=SELECTORS,
    objectSelector=SELECTORS,
    excludeResourceRules=const([]),
    matchPolicy=either("Exact", "Equivalent"),
)


def validating_policies() -> SearchStrategy[Json]:
    """The body of a ValidatingAdmissionPolicy."""
    spec = parts(
        {
            "matchConstraints": MATCHES,
            "validations": either(
                [{"expression": "true"}],
                [
                    {
                        "expression": "variables.a == 1",
                        "messageExpression": "'ä'",
                        "reason": "Forbidden",
                        "message": "no",
                    }
                ],
            ),
        },
        failurePolicy=either("Fail", "Ignore"),
        matchConditions=either([], [{"name": "c", "expression": "true"}]),
        auditAnnotations=either([], [{"key": "k", "valueExpression": "''"}]),
    ).map(lambda s: {**s, "variables": [{"name": "a", "expression": "1"}]})
    return parts({"spec": spec})


def mutating_policies() -> SearchStrategy[Json]:
    """The body of a MutatingAdmissionPolicy."""
    mutation = {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{}"}}
    spec = parts(
        {
            "matchConstraints": MATCHES,
            "mutations": const([mutation]),
            "reinvocationPolicy": either("Never", "IfNeeded"),
        },
        failurePolicy=either("Fail", "Ignore"),
        variables=either([], [{"name": "a", "expression": "1"}]),
    )
    return parts({"spec": spec})


def policy_bindings(*, validating: bool) -> SearchStrategy[Json]:
    """The body of a binding of an admission policy."""
    actions = either(["Deny"], ["Warn", "Audit"])
    spec = parts(
        {"policyName": const("absent"), **({"validationActions": actions} if validating else {})},
        matchResources=MATCHES,
        paramRef=either(
            {"name": "a", "parameterNotFoundAction": "Allow"},
            {"selector": {}, "namespace": "generated", "parameterNotFoundAction": "Deny"},
        ),
    )
    return parts({"spec": spec})


def flow_schemas() -> SearchStrategy[Json]:
    """The body of a FlowSchema, for a user who never comes."""
    rule = {
        "subjects": [{"kind": "User", "user": {"name": "nobody"}}],
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True}],
        "nonResourceRules": [],
    }
    spec = parts(
        {"priorityLevelConfiguration": const({"name": "global-default"})},
        matchingPrecedence=st.integers(9000, 10000),
        distinguisherMethod=either({"type": "ByUser"}, {"type": "ByNamespace"}),
        rules=either([], [rule]),
    )
    return parts({"spec": spec})


def priority_levels() -> SearchStrategy[Json]:
    """The body of a PriorityLevelConfiguration."""
    response = either(
        {"type": "Reject"},
        {"type": "Queue", "queuing": {"queues": 8, "handSize": 2, "queueLengthLimit": 5}},
        {"type": "Queue", "queuing": {}},
    )
    limited = parts(
        {"limitResponse": response},
        nominalConcurrencyShares=st.integers(0, 3),
        lendablePercent=st.integers(0, 100),
        borrowingLimitPercent=st.integers(0, 100),
    )
    return parts({"spec": st.fixed_dictionaries({"type": const("Limited"), "limited": limited})})


_SELECTED = {"cel": {"expression": "device.driver == 'gpu.example.net'"}}
_EXACTLY = either(
    {"deviceClassName": "gpu"},
    {"deviceClassName": "gpu", "allocationMode": "All", "selectors": [_SELECTED]},
    {"deviceClassName": "gpu", "count": 3, "tolerations": [{"operator": "Exists"}]},
)


def device_claims() -> SearchStrategy[Json]:
    """The spec of a ResourceClaim."""
    requests = _EXACTLY.map(lambda exactly: [{"name": "a", "exactly": exactly}]) | const(
        [{"name": "a", "firstAvailable": [{"name": "one", "deviceClassName": "gpu"}]}]
    )
    return parts({}, devices=parts({"requests": requests}, constraints=const([])))


def device_classes() -> SearchStrategy[Json]:
    """The body of a DeviceClass."""
    config = {
        "opaque": {"driver": "gpu.example.net", "parameters": {"kind": "K", "apiVersion": "v", "n": 2**60}}
    }
    return parts({"spec": parts({}, selectors=either([], [_SELECTED]), config=either([], [config]))})


def definitions() -> SearchStrategy[Json]:
    """The body of a CustomResourceDefinition; names and group come with its own name."""
    schema = either(
        {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        {
            "type": "object",
            "properties": {
                "spec": {
                    "type": "object",
                    "default": {},
                    "properties": {
                        "size": {"type": "integer", "default": 0, "maximum": 2**53},
                        "port": {"x-kubernetes-int-or-string": True, "default": ""},
                        "note": {"type": "string", "nullable": True, "pattern": "^ä?$", "enum": ["", "ä"]},
                    },
                    "x-kubernetes-validations": [{"rule": "true", "message": "never"}],
                }
            },
        },
    )
    version = parts(
        {"name": const("v1"), "served": const(True), "storage": const(True)},
        subresources=either(
            {},
            {"status": {}},
            {"scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.n"}},
        ),
        additionalPrinterColumns=either(
            [], [{"name": "Ä", "type": "string", "jsonPath": ".spec.note", "priority": 0}]
        ),
    )
    versions = st.builds(lambda v, s: [{**v, "schema": {"openAPIV3Schema": s}}], version, schema)
    conversion = either({"strategy": "None"}) | HOOKS.filter(lambda h: h.get("caBundle") != BUNDLE).map(
        lambda hook: {
            "strategy": "Webhook",
            "webhook": {"clientConfig": hook, "conversionReviewVersions": ["v1"]},
        }
    )
    names = parts({}, shortNames=const(["gen"]), categories=either([], ["all"]))
    spec = parts(
        {"scope": either("Namespaced", "Cluster"), "versions": versions, "names": names},
        conversion=conversion,
        preserveUnknownFields=const(False),
    )
    return parts({"spec": spec})


def api_services() -> SearchStrategy[Json]:
    """The body of an APIService with a Service behind it; group and version come with its own name."""
    spec = parts(
        {
            "groupPriorityMinimum": st.integers(1, 20000),
            "versionPriority": st.integers(1, 1000),
            "service": either(
                {"namespace": "generated", "name": "away"},
                {"namespace": "generated", "name": "away", "port": 8443},
            ),
        },
        insecureSkipTLSVerify=st.booleans(),
    )
    return parts({"spec": spec})


def namespaces() -> SearchStrategy[Json]:
    """The body of a Namespace: nothing that is not in its metadata moves."""
    return either({}, {"spec": {"finalizers": ["kubernetes"]}})


GUARDED = LABELS | const(
    {"pod-security.kubernetes.io/enforce": "privileged", "kubernetes.io/metadata.name": "other"}
)
