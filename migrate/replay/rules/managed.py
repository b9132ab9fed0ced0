"""What Kubernetes makes and keeps by itself on every cluster."""

from __future__ import annotations

import re

from migrate.model.marks import unmarked
from migrate.model.objects import annotations_of, dig, labels_of
from migrate.replay import bootstrap_rbac, kinds
from migrate.replay.leaders import LEADER_ANNOTATION
from migrate.replay.rule import Rule, Subject, ask, skip
from migrate.replay.sanitise import sanitise
from migrate.replay.sanitising.everywhere import unapplied
from migrate.replay.surroundings import Surroundings
from migrate.replay.tokens import TOKEN, account_of, made_credentials, made_token

AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
_CLUSTER_CONFIG = re.compile(
    r"kube-system/(extension-apiserver-authentication|kube-apiserver-legacy-service-account-token-tracking"
    r"|kubeadm-config|kubelet-config(-\d+\.\d+)?|kube-proxy)|kube-public/cluster-info"
)
NOT_COMPARED = "not compared: green is not there, may not be read, or has no defaults of its own"
_SLICE_MANAGER = "endpointslice.kubernetes.io/managed-by"


def _kubernetes_service(subject: Subject, _surroundings: Surroundings) -> str | None:
    name = labels_of(subject.obj).get("kubernetes.io/service-name", subject.ref.name)
    return "" if (subject.ref.namespace, name) == ("default", "kubernetes") else None


def _root_ca(subject: Subject, _surroundings: Surroundings) -> str | None:
    return "" if subject.ref.name in {"kube-root-ca.crt", "openshift-service-ca.crt"} else None


def _cluster_config(subject: Subject, _surroundings: Surroundings) -> str | None:
    return "" if _CLUSTER_CONFIG.fullmatch(f"{subject.ref.namespace}/{subject.ref.name}") else None


def _bootstrap_token(subject: Subject, _surroundings: Surroundings) -> str | None:
    return "" if subject.obj.get("type") == "bootstrap.kubernetes.io/token" else None


def _priority_class(subject: Subject, _surroundings: Surroundings) -> str | None:
    return "" if subject.ref.name.startswith("system-") else None


def _flow_control(subject: Subject, _surroundings: Surroundings) -> str | None:
    if annotations_of(subject.obj).get("apf.kubernetes.io/autoupdate-spec") == "true":
        return ""
    return "" if subject.ref.name in {"exempt", "catch-all"} else None


def _own_rbac(subject: Subject, surroundings: Surroundings) -> str | None:
    green = surroundings.blue.green_rbac
    if not bootstrap_rbac.is_default(subject.obj) or green is None:
        return None
    if bootstrap_rbac.made_by_server(subject.obj) or subject.ref.name.startswith("kubeadm:"):
        # green's version has other defaults; what kubeadm made is for its joining nodes: green's installer has its own
        return None
    missing = bootstrap_rbac.compared(green, subject.ref) and green.find(subject.ref) is None
    return f"green has no {subject.ref} of its own" if missing else None


def _edited_rbac(subject: Subject, surroundings: Surroundings) -> str | None:
    if not bootstrap_rbac.is_default(subject.obj):
        return None
    green = surroundings.blue.green_rbac
    told = bootstrap_rbac.compared(green, subject.ref)
    theirs = green.find(subject.ref) if green is not None and told else None
    said = [*bootstrap_rbac.beyond(subject.obj, theirs)] if theirs is not None else []
    if annotations_of(subject.obj).get(AUTOUPDATE) == "false":
        said.append(f"{AUTOUPDATE}: false")
    return "; ".join(said) or None


def _system_rbac(subject: Subject, surroundings: Surroundings) -> str | None:
    if not bootstrap_rbac.is_default(subject.obj):
        return None
    compared = bootstrap_rbac.compared(surroundings.blue.green_rbac, subject.ref)
    return "" if compared else NOT_COMPARED


def _local_api(subject: Subject, _surroundings: Surroundings) -> str | None:
    managed = "kube-aggregator.kubernetes.io/automanaged" in labels_of(subject.obj)
    return "" if managed or not dig(subject.obj, "spec", "service") else None


def _account_token(subject: Subject, surroundings: Surroundings) -> str | None:
    if subject.obj.get("type") != TOKEN:
        return None
    account, ref = account_of(subject.obj), subject.ref
    if surroundings.blue.inventory.named("ServiceAccount", account, ref.namespace) is None:
        return f"ServiceAccount {account} is gone"
    # one that pods name has to be there under that name, whoever made it: written blank, green's controller fills it in
    named = (ref.namespace, ref.name) in surroundings.blue.named_secrets
    return f"made for ServiceAccount {account}" if made_token(subject.obj) and not named else None


def _dockercfg(subject: Subject, _surroundings: Surroundings) -> str | None:
    return made_credentials(subject.obj) or None


def _default_account(subject: Subject, _surroundings: Surroundings) -> str | None:
    if subject.ref.name != "default":
        return None
    target = unapplied(unmarked(sanitise(subject.obj)))
    worth = [
        key
        for key in ("secrets", "imagePullSecrets", "automountServiceAccountToken")
        if target.get(key) not in (None, [])
    ]
    return None if worth or annotations_of(target) or labels_of(target) else ""


def _default_namespace(subject: Subject, _surroundings: Surroundings) -> str | None:
    if subject.ref.name != "default":
        return None
    target = unapplied(sanitise(subject.obj))
    return None if annotations_of(target) or labels_of(target) else ""


def _made_slice(subject: Subject, _surroundings: Surroundings) -> str | None:
    manager = labels_of(subject.obj).get(_SLICE_MANAGER, "")
    return f"managed by {manager}" if manager.endswith("controller.k8s.io") else None


def _made_endpoints(subject: Subject, surroundings: Surroundings) -> str | None:
    service = surroundings.blue.inventory.named("Service", subject.ref.name, subject.ref.namespace)
    if service is not None and dig(service, "spec", "selector"):
        return f"Service {subject.ref.name} has a selector"
    return "" if LEADER_ANNOTATION in annotations_of(subject.obj) else None


def _lone_endpoints(subject: Subject, surroundings: Surroundings) -> str | None:
    name = labels_of(subject.obj).get("kubernetes.io/service-name", "")
    name = name if subject.kind == kinds.ENDPOINT_SLICE else subject.ref.name
    if name and surroundings.blue.inventory.named("Service", name, subject.ref.namespace) is not None:
        return None
    return f"no Service {name}" if name else "it names no Service"


def _leader_record(subject: Subject, _surroundings: Surroundings) -> str | None:
    return "" if LEADER_ANNOTATION in annotations_of(subject.obj) and not subject.obj.get("data") else None


BY_NAME: tuple[Rule, ...] = (
    skip(
        "managed.kubernetes-service",
        "Service `default/kubernetes` with its Endpoints and EndpointSlices",
        "it leads to blue's API server",
        kinds.SERVICE,
        kinds.ENDPOINTS,
        kinds.ENDPOINT_SLICE,
        when=_kubernetes_service,
    ),
    skip(
        "managed.root-ca",
        "ConfigMaps `kube-root-ca.crt`",
        "green publishes its own authority in every namespace",
        kinds.CONFIG_MAP,
        when=_root_ca,
    ),
    skip(
        "managed.cluster-config",
        "the ConfigMaps that describe a cluster to itself (kubeadm, kubelet, kube-proxy, front proxy)",
        "it describes blue; green was made with its own",
        kinds.CONFIG_MAP,
        when=_cluster_config,
    ),
    skip(
        "managed.bootstrap-token",
        "Secrets of type bootstrap token",
        "it lets machines join blue",
        kinds.SECRET,
        when=_bootstrap_token,
    ),
    skip(
        "managed.priority-class",
        "PriorityClasses `system-*`",
        "every cluster has them",
        ("scheduling.k8s.io", "PriorityClass"),
        when=_priority_class,
    ),
    skip(
        "managed.flow-control",
        "FlowSchemas and PriorityLevelConfigurations that the server keeps",
        "green's API server keeps its own",
        ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
        ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
        when=_flow_control,
    ),
    ask(
        "managed.system-rbac-own",
        "RBAC objects named or labelled as defaults that green, which has made its own, does not have",
        "somebody's own under a default's name, or a default of blue's version alone: say replay where it is in use, else skip",
        *bootstrap_rbac.KINDS,
        when=_own_rbac,
    ),
    ask(
        "managed.system-rbac-edited",
        "RBAC defaults that somebody took out of automatic update, or that grant more than green's of that name",
        "a default was changed by hand, or green's version grants less; green keeps its own, so grant what was added "
        "in an object of another name, then say skip",
        *bootstrap_rbac.KINDS,
        when=_edited_rbac,
    ),
    skip(
        "managed.system-rbac",
        "other RBAC objects `system:*`, `kubeadm:*` and those labelled as defaults",
        "green's API server and installer make their own",
        *bootstrap_rbac.KINDS,
        when=_system_rbac,
    ),
    skip(
        "managed.api-service",
        "APIServices that the server registers for itself",
        "green's API server and definitions register their own",
        kinds.API_SERVICE,
        when=_local_api,
    ),
)
"""Rules that know an object by name, label or annotation; they come before those of the namespaces."""

BY_CONTENT: tuple[Rule, ...] = (
    skip(
        "managed.account-token",
        "ServiceAccount tokens that Kubernetes made and no pod names, or whose ServiceAccount is gone",
        "blue's API server signed it; green issues its own",
        kinds.SECRET,
        when=_account_token,
    ),
    skip(
        "managed.dockercfg",
        "registry credentials that OpenShift made for a ServiceAccount",
        "they hold a token of blue",
        kinds.SECRET,
        when=_dockercfg,
    ),
    skip(
        "managed.default-account",
        "ServiceAccounts `default` without anything of their own",
        "every namespace gets one",
        kinds.SERVICE_ACCOUNT,
        when=_default_account,
    ),
    skip(
        "managed.default-namespace",
        "Namespace `default` without labels or annotations of its own",
        "every cluster has one",
        kinds.NAMESPACE,
        when=_default_namespace,
    ),
    skip(
        "managed.endpoint-slices",
        "EndpointSlices that a controller keeps",
        "green's controllers make them from Services and pods",
        kinds.ENDPOINT_SLICE,
        when=_made_slice,
    ),
    skip(
        "managed.endpoints",
        "Endpoints of Services with a selector, and those that are leader records",
        "green's controllers make them from Services and pods",
        kinds.ENDPOINTS,
        when=_made_endpoints,
    ),
    ask(
        "managed.lone-endpoints",
        "hand-made Endpoints and EndpointSlices without a Service",
        "nothing resolves to them; they may be left over, or read by name",
        kinds.ENDPOINTS,
        kinds.ENDPOINT_SLICE,
        when=_lone_endpoints,
    ),
    skip(
        "managed.leader-record",
        "ConfigMaps that hold nothing but a leader's record",
        "the leader runs on blue",
        kinds.CONFIG_MAP,
        when=_leader_record,
    ),
)
"""Rules that look into an object that would otherwise move."""
