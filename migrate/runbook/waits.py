"""What a person would type instead of a wait: kubectl's own wait where it has one, else what to look at, and until when."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping

from migrate.model.action import Action
from migrate.model.ids import Side
from migrate.model.objects import Ref
from migrate.planning.commands import word
from migrate.runbook.hands import Hands
from migrate.runbook.kubectl import named

ROLLING = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
"""What `kubectl rollout status` knows; source: kubectl's reference."""


def wait(hands: Hands, action: Action) -> str:
    """The commands that show when a wait is over, a line each; empty where nobody waits by a command."""
    condition = _CONDITIONS.get(str(action.params["condition"]))
    return "\n".join(condition(hands, action)) if condition else ""


def _namespaces(hands: Hands, action: Action) -> Iterable[str]:
    names = " ".join(f"namespace/{name}" for name in action.params["names"])
    yield f"{hands.kubectl(Side.GREEN)} wait --for=jsonpath='{{.status.phase}}'=Active {names} {_bound(action)}"


def _definitions(hands: Hands, action: Action) -> Iterable[str]:
    side = Side(action.params.get("side", Side.GREEN))
    names = " ".join(f"crd/{name}" for name in action.params["names"])
    if names:
        yield f"{hands.kubectl(side)} wait --for=condition=Established {names} {_bound(action)}"


def _ready(hands: Hands, action: Action) -> Iterable[str]:
    kubectl = hands.kubectl(Side(action.params["side"]))
    for ref in map(Ref.of_json, action.params["refs"]):
        if ref.kind == "Pod":
            yield f"{kubectl} wait --for=condition=Ready {named(ref)} {_bound(action)}"
        elif ref.kind in ROLLING:
            yield f"{kubectl} rollout status {named(ref)} {_bound(action)}"
        else:
            yield f"{kubectl} get {named(ref)}   # until as many are ready as are wanted"


def _off(hands: Hands, action: Action) -> Iterable[str]:
    kubectl = hands.kubectl(Side(action.params["side"]))
    for ref in map(Ref.of_json, action.params["refs"]):
        where = f"-n {word(ref.namespace)}"
        if ref.kind == "CronJob":
            running = '{range .items[?(@.status.active)]}{.metadata.name}{"\\n"}{end}'
            jobs = f"{kubectl} get jobs {where} -o jsonpath={shlex.quote(running)}"
            yield f"{jobs} | grep '^{ref.name}-[0-9]*$'   # until it prints nothing"
        else:
            name = f"^pod/{ref.name}{_PODS.get(ref.kind, '-[a-z0-9]*$')}"
            yield f"{kubectl} get pods {where} -o name | grep '{name}'   # until it prints nothing"


def _below(hands: Hands, action: Action) -> Iterable[str]:
    kubectl = hands.kubectl(Side(action.params["side"]))
    owners = "custom-columns=POD:.metadata.name,PHASE:.status.phase,OWNER:.metadata.ownerReferences[*].name"
    for ref in map(Ref.of_json, action.params["refs"]):
        where = f"-n {word(ref.namespace)}" if ref.namespace else "-A"
        yield f"{kubectl} get pods {where} -o {shlex.quote(owners)}   # until none runs below {ref}"


def _free(hands: Hands, action: Action) -> Iterable[str]:
    kubectl = hands.kubectl(Side(action.params["side"]))
    for pair in action.params["claims"]:
        claim, volume = Ref.of_json(pair["claim"]), Ref.of_json(pair["volume"])
        mounts = f".spec.volumes[]?.persistentVolumeClaim.claimName == {json.dumps(claim.name)}"
        pods = f".items[] | select(any({mounts})) | .metadata.name, .status.phase"
        yield f"{kubectl} get pods -n {word(claim.namespace)} -o json | jq -r {shlex.quote(pods)}   # ended ones alone"
        yield f"{kubectl} get volumeattachments | grep -w {word(volume.name)}   # until it prints nothing"


def _claims(hands: Hands, action: Action) -> Iterable[str]:
    for ref in map(Ref.of_json, action.params["refs"]):
        until = "Bound, or Pending where its class waits for the first consumer"
        yield f"{hands.kubectl(Side.GREEN)} get {named(ref)}   # until it is {until}"


def _bound_volumes(hands: Hands, action: Action) -> Iterable[str]:
    kubectl = hands.kubectl(Side(action.params["side"]))
    for pair in action.params["claims"]:
        claim = Ref.of_json(pair["claim"])
        yield f"{kubectl} wait --for=jsonpath='{{.status.phase}}'=Bound {named(claim)} {_bound(action)}"


def _addresses(hands: Hands, action: Action) -> Iterable[str]:
    kubectl = hands.kubectl(Side(action.params.get("side", Side.GREEN)))
    until = "an address" if action.params["condition"] == "addresses-given" else "none any more"
    for ref in map(Ref.of_json, action.params["refs"]):
        yield f"{kubectl} get {named(ref)}   # until it has {until}"


def _autoscalers(hands: Hands, action: Action) -> Iterable[str]:
    for ref in map(Ref.of_json, action.params["refs"]):
        yield f"{hands.kubectl(Side.GREEN)} wait --for=condition=ScalingActive {named(ref)} {_bound(action)}"


def _apis(hands: Hands, action: Action) -> Iterable[str]:
    for ref in map(Ref.of_json, action.params["refs"]):
        yield f"{hands.kubectl(Side.GREEN)} wait --for=condition=Available {named(ref)} {_bound(action)}"


def _calico(hands: Hands, action: Action) -> Iterable[str]:
    green = hands.kubectl(Side.GREEN)
    where = "calico-system" if hands.written.green.calico.install.kind == "operator" else "kube-system"
    yield f"{green} rollout status daemonset.apps calico-node -n {where} {_bound(action)}"
    yield f"{green} get ippools.crd.projectcalico.org -o yaml   # the pools of the migration file, and no other"


def _endpoints(hands: Hands, _action: Action) -> Iterable[str]:
    green = hands.kubectl(Side.GREEN)
    yield f"{green} get endpointslices -A   # each Service whose pods run has addresses, as on blue"


def _unused(hands: Hands, action: Action) -> Iterable[str]:
    return (line for line in _free(hands, action) if "volumeattachments" not in line)


def _bound(action: Action) -> str:
    return f"--timeout={action.deadline:g}s"


# How a controller names its pods; source: the names that kube-controller-manager generates.
_PODS: Mapping[str, str] = {
    "Deployment": "-[a-z0-9]*-[a-z0-9]*$",
    "Rollout": "-[a-z0-9]*-[a-z0-9]*$",
    "StatefulSet": "-[0-9]*$",
    "Pod": "$",
}

_CONDITIONS: Mapping[str, Callable[[Hands, Action], Iterable[str]]] = {
    "addresses-given": _addresses,
    "addresses-freed": _addresses,
    "apis-available": _apis,
    "autoscalers-active": _autoscalers,
    "namespaces-active": _namespaces,
    "crds-established": _definitions,
    "workloads-ready": _ready,
    "workloads-off": _off,
    "nothing-below": _below,
    "volumes-free": _free,
    "claims-bound": _claims,
    "claims-unused": _unused,
    "volumes-bound": _bound_volumes,
    "endpoints-ready": _endpoints,
    "calico-ready": _calico,
}
