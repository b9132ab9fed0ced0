"""What a person would type for an Action, from its kind and parameters: the same change, without the tool.

The text is made here and not in the journal, so that it names the file's own paths, costs nothing an object, and is
there for undo and for journals of earlier releases alike.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from migrate.calico.pools import CRD_V1, ip_pool, planned_pools
from migrate.model.action import Action
from migrate.model.ids import RouteName, Side
from migrate.model.marks import PRIOR, is_ours
from migrate.model.migration import Migration
from migrate.model.objects import Ref, dig
from migrate.planning import commands
from migrate.planning.commands import word
from migrate.replay.storage import data_of
from migrate.runbook import copies
from migrate.runbook.kubectl import disowned, merge, named, owned

CLEAN = (
    'clean() { jq \'del(.status, .metadata["uid", "resourceVersion", "creationTimestamp", "generation", '
    '"managedFields", "ownerReferences"], .spec.volumeName) | if .spec.clusterIP? == "None" then . '
    "else del(.spec.clusterIP, .spec.clusterIPs) end'; }"
)
"""Leaves out what a cluster writes by itself; the tool's own list is longer, one rule a kind (docs/rules.md)."""

_CLEANED = {
    "defer.volume": """clean | jq 'del(.spec.claimRef["uid", "resourceVersion"]) | .spec.persistentVolumeReclaimPolicy = "Retain"'""",
    "defer.claim": (
        """jq 'del(.status, .metadata["uid", "resourceVersion", "creationTimestamp", "managedFields", "ownerReferences"], """
        """.metadata.annotations["pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"])'"""
    ),
}
"""By rule, where more or less is left out than elsewhere: a claim that is taken over keeps its volume's name."""

NOTHING = ""
ROLLING = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
"""What `kubectl rollout status` knows; source: kubectl's reference."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What typing needs: the file as written, and the dormant form of each held object as a merge patch."""

    written: Migration
    dormant: Mapping[Ref, Any] = field(default_factory=dict)

    def kubectl(self, side: Side) -> str:
        """`kubectl` for one side, by the kubeconfig and the context that the file names."""
        if side is Side.BLUE:
            path, context = self.written.blue.kubeconfig, self.written.blue.context
        else:
            spec = self.written.green.provisioner
            path, context = spec.kubeconfig, spec.context
        parts = ["kubectl"]
        parts += ["--kubeconfig", word(path)] if path else []
        parts += ["--context", word(context or side.value)] if context or not path else []
        return " ".join(parts)

    def typed(self, action: Action) -> str:
        """The command for an Action, lines of it where it takes several; empty where there is nothing to type."""
        found = _BY_KIND.get(action.kind)
        return found(self, action) if found else action.command

    def target(self, action: Action) -> tuple[str, Ref]:
        """The kubectl of the side that an Action on an object names, and the object."""
        return self.kubectl(Side(action.params["side"])), Ref.of_json(action.params["ref"])


def typable() -> frozenset[str]:
    """The kinds of Action that have a command here; of every other the Action's own is told."""
    return frozenset(_BY_KIND)


def _create(hands: Hands, action: Action) -> str:
    green, ref = hands.target(action)
    source = f"{hands.kubectl(Side.BLUE)} get {named(ref)} -o json | {_CLEANED.get(action.params['rule'], 'clean')}"
    if asleep := hands.dormant.get(ref):
        text = json.dumps(asleep, sort_keys=True, ensure_ascii=False)
        source += f" | jq {shlex.quote(f'. * {text}')}"
    return f"{source} | {green} create -f -"


def _count(hands: Hands, action: Action) -> str:
    kubectl, ref = hands.target(action)
    change = '"{\\"status\\":{\\"lastScheduleTime\\":\\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\\"}}"'
    return f"{kubectl} patch {named(ref)} --subresource status --type merge -p {change}"


def _apply(hands: Hands, action: Action) -> str:
    side, ref = hands.target(action)
    if action.params["source"] == "blue":
        blue = hands.kubectl(Side.BLUE)
        return f"{blue} get {named(ref)} -o json | clean | {side} apply --server-side --field-manager cnimigrate -f -"
    calico = hands.written.green.calico
    if ref.kind == "IPPool":
        pools = {pool.name: pool for pool in planned_pools(hands.written.green.network, calico.pools)}
        if pool := pools.get(ref.name):
            text = json.dumps(ip_pool(pool, CRD_V1), sort_keys=True)
            return f"echo {shlex.quote(text)} | {side} apply --server-side -f -"
    return "\n".join([*_fetched(calico.install.source, calico.install.sha256), _applied(hands, side)])


def _fetched(source: str, checksum: str | None) -> list[str]:
    if "://" not in source:
        return []
    file = urlsplit(source).path.rpartition("/")[2]
    lines = [f"curl -fsSLO {word(source)}"]
    return [*lines, f"echo {shlex.quote(f'{checksum}  {file}')} | sha256sum --check"] if checksum else lines


def _applied(hands: Hands, kubectl: str) -> str:
    source = hands.written.green.calico.install.source
    file = urlsplit(source).path.rpartition("/")[2] if "://" in source else source
    return f"{kubectl} apply --server-side -f {word(file or 'calico.yaml')}   # {_adapted(hands)}"


def _adapted(hands: Hands) -> str:
    """What the tool changes in the manifests before it applies them, in short."""
    if hands.written.green.calico.install.kind == "operator":
        return "with the pools of the migration file in the Installation"
    return "in it NO_DEFAULT_POOLS=true on calico-node and no CALICO_IPV4POOL_CIDR, so that it makes no pool itself"


def _adopt(hands: Hands, action: Action) -> str:
    side, ref = hands.target(action)
    if not action.prior["differs"]:
        return NOTHING  # it gets our marks alone
    source = f"{hands.kubectl(Side.BLUE)} get {named(ref)} -o json | clean"
    return f"{source} | {side} apply --server-side --field-manager cnimigrate -f -"


def _disown(hands: Hands, action: Action) -> str:
    """An apply that says nothing but the name takes away what its manager alone owns."""
    side, ref = hands.target(action)
    bare = f"{side} get {named(ref)} -o json | jq '{{apiVersion, kind, metadata: {{name: .metadata.name}}}}'"
    space = f" -n {word(ref.namespace)}" if ref.namespace else ""
    return f"{bare} | {side} apply --server-side --field-manager cnimigrate{space} -f -"


def _cede(hands: Hands, action: Action) -> str:
    """Owners of fields that green has not got own nothing by them, so blue's can be written as they are."""
    green, ref = hands.target(action)
    blue = f"{hands.kubectl(Side.BLUE)} get {named(ref)} -o json --show-managed-fields"
    owners = "jq '{metadata: {managedFields: .metadata.managedFields}}'"
    return f"{blue} | {owners} | {green} patch {named(ref)} --type merge --patch-file /dev/stdin"


def _reclaim(hands: Hands, action: Action) -> str:
    """Who goes back by hand deletes by name, and gives up what was adopted as its own field manager."""
    _ = hands, action
    return NOTHING


def _patch(hands: Hands, action: Action) -> str:
    kubectl, ref = hands.target(action)
    change = _without_marks(action.params["patch"])
    typed = merge(kubectl, ref, change) if change else NOTHING
    if copies := action.params.get("copies"):
        group, kind = copies
        where = f"-n {word(ref.namespace)} --all"
        typed += f"\n{kubectl} annotate {kind.lower()}.{group} {where} {PRIOR}-   # copies of what blue's said of itself"
    return typed


def _without_marks(change: Mapping[str, Any]) -> dict[str, Any]:
    """A change without the marks that it would write: they bind an object to one run, and nobody types them."""
    annotations = dig(change, "metadata", "annotations", default=None) or {}
    kept = {key: value for key, value in annotations.items() if value is None or not is_ours(key)}
    if len(kept) == len(annotations):
        return dict(change)
    metadata = {key: value for key, value in change["metadata"].items() if key != "annotations"}
    metadata |= {"annotations": kept} if kept else {}
    rest = {key: value for key, value in change.items() if key != "metadata"}
    return rest | ({"metadata": metadata} if metadata else {})


def _delete(hands: Hands, action: Action) -> str:
    kubectl, ref = hands.target(action)
    return f"{kubectl} delete {named(ref)} --ignore-not-found"


def _link(hands: Hands, action: Action) -> str:
    green, ref = hands.target(action)
    return owned(green, ref, action.params["owners"])


def _unlink(hands: Hands, action: Action) -> str:
    green, ref = hands.target(action)
    return disowned(green, ref, action.params["owners"])


def _status(hands: Hands, action: Action) -> str:
    green, ref = hands.target(action)
    source = f"{hands.kubectl(Side.BLUE)} get {named(ref)} -o json | jq '{{status}}'"
    return f"{source} | {green} patch {named(ref)} --subresource status --type merge --patch-file /dev/stdin"


def _weight(hands: Hands, action: Action) -> str:
    now = action.prior.get("green") if isinstance(action.prior, Mapping) else None
    route = RouteName(action.params["route"])
    return commands.weigh(hands.written, route, int(action.params["green"]), now=now)


def _snapshot(hands: Hands, _action: Action) -> str:
    blue = hands.kubectl(Side.BLUE)
    kinds = f"{blue} api-resources --verbs=list -o name | grep -vE '^(secrets|events|events\\.events\\.k8s\\.io)$'"
    return (
        f'mkdir -p snapshot && for r in $({kinds}); do {blue} get "$r" -A -o json > "snapshot/$r.json"; done'
    )


def _provision(hands: Hands, _action: Action) -> str:
    return " ".join(map(word, hands.written.green.provisioner.create))


def _unprovision(hands: Hands, _action: Action) -> str:
    return " ".join(map(word, hands.written.green.provisioner.destroy))


def _watch(hands: Hands, action: Action) -> str:
    if hands.written.cutover.haproxy is None:
        return NOTHING
    target = commands.target(hands.written, RouteName(action.params["route"]))
    # 2 + 4: the backend's own line and its servers'; columns are counted from 1
    stat = commands.ask(target, f"show stat {target.backend} 6 -1")
    return (
        f"{stat} | cut -d, -f2,5,8,14,15,44   # server, sessions, total, connection errors, bad replies, 5xx"
    )


def _wait(hands: Hands, action: Action) -> str:
    condition = _CONDITIONS.get(str(action.params["condition"]))
    return "\n".join(condition(hands, action)) if condition else NOTHING


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


def _copy(hands: Hands, action: Action) -> str:
    claim = Ref.of_json(action.params["claim"])
    data, phase = data_of(hands.written, claim), action.params["phase"]
    name = f"by-hand-{phase}-{action.params['attempt']}"
    if data is None or data.mover is None:
        return NOTHING
    if data.mover.volsync is not None:
        blue, green = hands.kubectl(Side.BLUE), hands.kubectl(Side.GREEN)
        spec, deadline = data.mover.volsync, action.deadline
        return copies.by_volsync(claim, spec, name, phase, deadline, blue=blue, green=green)
    return copies.by_program(hands.written, claim, data.mover.command, name, phase)


def _disengage(hands: Hands, action: Action) -> str:
    """A program that was begun by hand is its operator's; VolSync's objects are taken away."""
    claim = Ref.of_json(action.params["claim"])
    data = data_of(hands.written, claim)
    if data is None or data.mover is None or data.mover.volsync is None:
        return NOTHING
    return copies.taken_away(claim, blue=hands.kubectl(Side.BLUE), green=hands.kubectl(Side.GREEN))


def _bound(action: Action) -> str:
    return f"--timeout={action.deadline:g}s"


# How a controller names its pods; source: the names that kube-controller-manager generates.
_PODS: Mapping[str, str] = {"Deployment": "-[a-z0-9]*-[a-z0-9]*$", "StatefulSet": "-[0-9]*$", "Pod": "$"}

_BY_KIND: Mapping[str, Callable[[Hands, Action], str]] = {
    "count": _count,
    "create": _create,
    "apply": _apply,
    "adopt": _adopt,
    "disown": _disown,
    "cede": _cede,
    "reclaim": _reclaim,
    "patch": _patch,
    "delete": _delete,
    "link": _link,
    "unlink": _unlink,
    "status": _status,
    "weight": _weight,
    "snapshot": _snapshot,
    "provision": _provision,
    "unprovision": _unprovision,
    "watch": _watch,
    "wait": _wait,
    "copy": _copy,
    "disengage": _disengage,
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
    "volumes-free": _free,
    "claims-bound": _claims,
    "claims-unused": _unused,
    "volumes-bound": _bound_volumes,
    "endpoints-ready": _endpoints,
    "calico-ready": _calico,
}
