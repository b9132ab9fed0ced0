"""What stands between a valid object and the store: namespaces, service accounts, classes, webhooks.

The plugins that a kubeadm cluster has on, as far as a move meets them.
Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson

from migrate.errors import DoorError, NotFound, Transient
from migrate.model.objects import Resource, dig
from migrate.simulation.injecting import inject
from migrate.simulation.refusals import bad_request, forbidden
from migrate.simulation.selectors import matches
from migrate.simulation.shapes import copied
from migrate.simulation.store import Key, Store

Json = dict[str, Any]

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
DEFAULT_INGRESS_CLASS = "ingressclass.kubernetes.io/is-default-class"

_PRIORITIES = {"system-cluster-critical": 2000000000, "system-node-critical": 2000001000}

_TOLERATED = (("node.kubernetes.io/not-ready", "NoExecute"), ("node.kubernetes.io/unreachable", "NoExecute"))

_UNHOOKED = {"mutatingwebhookconfigurations", "validatingwebhookconfigurations"}


class Admission:
    """The plugins of one side; reads the store, changes only the object at hand."""

    def __init__(self, store: Store, side: str) -> None:
        self._store = store
        self._side = side
        self._hooks_at = -1
        self._hooks: list[tuple[str, Json]] = []

    def namespace(self, resource: Resource, namespace: str, name: str) -> None:
        """Refuse a create in a namespace that is missing (404) or being terminated (403)."""
        found = self._read("", "namespaces", "", namespace)
        if found is None:
            raise NotFound(f'namespaces "{namespace}" not found', status=404, reason="NotFound")
        if found["metadata"].get("deletionTimestamp"):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise forbidden(resource, name, why)

    def fill(self, resource: Resource, obj: Json) -> None:
        """Change a new object in place as the mutating plugins do; raises what they refuse."""
        plugin = {
            ("", "pods"): self._pod,
            ("", "persistentvolumeclaims"): self._claim,
            ("", "persistentvolumes"): self._volume,
            ("networking.k8s.io", "ingresses"): self._ingress,
        }.get((resource.group, resource.plural))
        if plugin is not None:
            plugin(resource, obj)

    def webhooks(self, resource: Resource, operation: str, obj: Json, *, dry_run: bool) -> None:
        """Refuse what a webhook with failurePolicy Fail would have to see while nobody answers for it.

        What a mutating webhook would change is not simulated, but for a new pod's containers: it gets those that blue's
        own such pod has (see `injecting`). A dry run is refused where a webhook has side effects, whatever its policy.
        """
        if resource.plural in _UNHOOKED:
            return
        for kind, hook in self._matching(resource, operation, obj):
            if dry_run and hook.get("sideEffects") not in {"None", "NoneOnDryRun"}:
                raise bad_request(f'admission webhook "{hook["name"]}" does not support dry run')
            service = dig(hook, "clientConfig", "service")
            if service is None or self._answers(service["namespace"], service["name"]):
                if kind == "mutatingwebhook" and operation == "CREATE" and resource.name == "pods":
                    inject(self._store, obj)
            elif hook.get("failurePolicy") != "Ignore":
                raise self._unanswered(kind, hook, service)

    def _unanswered(self, kind: str, hook: Mapping[str, Any], service: Mapping[str, Any]) -> DoorError:
        where = f"https://{service['name']}.{service['namespace']}.svc:{service.get('port', 443)}{service.get('path', '')}"
        exists = self._read("", "services", service["namespace"], service["name"]) is not None
        why = (
            f'no endpoints available for service "{service["name"]}"'
            if exists
            else f'service "{service["name"]}" not found'
        )
        words = f'Internal error occurred: failed calling webhook "{hook["name"]}": failed to call webhook: Post "{where}": {why}'
        # 500 InternalError by a webhook comes before anything is stored, so the call may be repeated.
        return Transient(f"{words} ({kind})")

    def _matching(self, resource: Resource, operation: str, obj: Json) -> Iterator[tuple[str, Json]]:
        for kind, hook in self._configured():
            rules = hook.get("rules") or ()
            ruled = any(_rule_matches(rule, resource, operation) for rule in rules)
            if ruled and self._selected(resource, hook, obj):
                yield kind, hook

    def _configured(self) -> list[tuple[str, Json]]:
        stamp = self._store.number(f"hooks:{self._side}")
        if stamp != self._hooks_at:
            self._hooks_at = stamp
            self._hooks = [
                (plural.removesuffix("configurations"), hook)
                for plural in sorted(_UNHOOKED)
                for body in self._store.page(
                    self._side, "admissionregistration.k8s.io", plural, "", ("", ""), 1000
                )
                for hook in orjson.loads(body).get("webhooks") or ()
            ]
        return self._hooks

    def _selected(self, resource: Resource, hook: Mapping[str, Any], obj: Json) -> bool:
        metadata = obj["metadata"]
        if not matches(hook.get("objectSelector") or {}, metadata.get("labels") or {}):
            return False
        selector = hook.get("namespaceSelector") or {}
        if not selector:
            return True
        if resource.plural == "namespaces" and not resource.group:
            return matches(selector, metadata.get("labels") or {})
        if not resource.namespaced:
            return True
        namespace = self._read("", "namespaces", "", metadata.get("namespace", "")) or {}
        return matches(selector, dig(namespace, "metadata", "labels", default={}) or {})

    def _answers(self, namespace: str, service: str) -> bool:
        return bool(ready_addresses(self._store, self._side, namespace, service))

    def _pod(self, resource: Resource, pod: Json) -> None:
        metadata, spec = pod["metadata"], pod["spec"]
        account = spec.get("serviceAccountName") or "default"
        spec["serviceAccountName"] = spec["serviceAccount"] = account
        found = self._read("", "serviceaccounts", metadata["namespace"], account)
        if found is None:
            why = f'error looking up service account {metadata["namespace"]}/{account}: serviceaccount "{account}" not found'
            raise forbidden(resource, metadata["name"], why)
        if not spec.get("imagePullSecrets") and found.get("imagePullSecrets"):
            spec["imagePullSecrets"] = copied(found["imagePullSecrets"])
        spec["priority"] = self._priority(resource, metadata["name"], spec)
        spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
        tolerations = spec.setdefault("tolerations", [])
        for key, effect in _TOLERATED:
            if not any(
                t.get("key") in {key, None, ""} and t.get("effect") in {effect, None, ""} for t in tolerations
            ):
                tolerations.append(
                    {"key": key, "operator": "Exists", "effect": effect, "tolerationSeconds": 300}
                )
        pod["status"] = {"phase": "Pending", "qosClass": quality_of_service(spec)}

    def _priority(self, resource: Resource, name: str, spec: Json) -> int:
        wanted = spec.get("priorityClassName")
        if wanted:
            found = self._read("scheduling.k8s.io", "priorityclasses", "", wanted)
            if found is not None:
                return int(found["value"])
            if wanted in _PRIORITIES:
                return _PRIORITIES[wanted]
            raise forbidden(resource, name, f"no PriorityClass with name {wanted} was found")
        for body in self._store.page(self._side, "scheduling.k8s.io", "priorityclasses", "", ("", ""), 1000):
            if '"globalDefault":true' in body:
                default = orjson.loads(body)
                spec["priorityClassName"] = default["metadata"]["name"]
                return int(default["value"])
        return 0

    def _claim(self, resource: Resource, claim: Json) -> None:
        del resource
        _finalize(claim, "kubernetes.io/pvc-protection")
        claim["status"] = {"phase": "Pending"}
        if claim["spec"].get("storageClassName") is None:
            default = self._default("storage.k8s.io", "storageclasses", DEFAULT_CLASS)
            if default:
                claim["spec"]["storageClassName"] = default

    def _volume(self, resource: Resource, volume: Json) -> None:
        del resource
        _finalize(volume, "kubernetes.io/pv-protection")
        volume["status"] = {"phase": "Pending"}

    def _ingress(self, resource: Resource, ingress: Json) -> None:
        del resource
        annotations = ingress["metadata"].get("annotations") or {}
        if (
            ingress["spec"].get("ingressClassName") is None
            and "kubernetes.io/ingress.class" not in annotations
        ):
            default = self._default("networking.k8s.io", "ingressclasses", DEFAULT_INGRESS_CLASS)
            if default:
                ingress["spec"]["ingressClassName"] = default

    def _default(self, group: str, plural: str, annotation: str) -> str:
        for body in self._store.page(self._side, group, plural, "", ("", ""), 1000):
            found = orjson.loads(body)
            if (found["metadata"].get("annotations") or {}).get(annotation) == "true":
                return str(found["metadata"]["name"])
        return ""

    def _read(self, group: str, plural: str, namespace: str, name: str) -> Json | None:
        body = self._store.body(Key(self._side, group, plural, namespace, name))
        return _parsed(body) if body is not None else None


@lru_cache(maxsize=64)
def _parsed(body: str) -> Json:
    """The same few namespaces and accounts are asked for at every write; who reads them changes nothing."""
    found: Json = orjson.loads(body)
    return found


def ready_addresses(store: Store, side: str, namespace: str, service: str) -> list[str]:
    """Addresses that answer for a Service now: ready ones of its EndpointSlices, else of its Endpoints object."""
    found: list[str] = []
    named = f'"kubernetes.io/service-name":"{service}"'
    slices = store.containing(side, "discovery.k8s.io", "endpointslices", namespace, named)
    for body in slices:
        for endpoint in orjson.loads(body).get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready") is not False:
                found.extend(endpoint.get("addresses") or ())
    if slices:
        return found
    body_of = store.body(Key(side, "", "endpoints", namespace, service))
    for subset in (orjson.loads(body_of).get("subsets") or ()) if body_of else ():
        found.extend(address["ip"] for address in subset.get("addresses") or ())
    return found


def quality_of_service(spec: Mapping[str, Any]) -> str:
    """A pod's quality of service: Guaranteed, Burstable or BestEffort.

    Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
    """
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    resources = [container.get("resources") or {} for container in containers]
    if not any(item.get("requests") or item.get("limits") for item in resources):
        return "BestEffort"
    full = all(
        {"cpu", "memory"} <= set(item.get("limits") or ()) and item.get("requests") == item.get("limits")
        for item in resources
    )
    return "Guaranteed" if full else "Burstable"


def _finalize(obj: Json, finalizer: str) -> None:
    finalizers = obj["metadata"].setdefault("finalizers", [])
    if finalizer not in finalizers:
        finalizers.append(finalizer)


def _rule_matches(rule: Mapping[str, Any], resource: Resource, operation: str) -> bool:
    scope = rule.get("scope", "*")
    if scope not in ("*", "Namespaced" if resource.namespaced else "Cluster"):
        return False
    return all(
        wanted in values or "*" in values or (extra and extra in values)
        for wanted, values, extra in (
            (operation, rule.get("operations") or (), ""),
            (resource.group, rule.get("apiGroups") or (), ""),
            (resource.version, rule.get("apiVersions") or (), ""),
            (resource.plural, rule.get("resources") or (), "*/*"),
        )
    )
