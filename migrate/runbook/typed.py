"""What a person would type for an Action, from its kind and parameters: the same change, without the tool.

The text is made here and not in the journal, so that it names the file's own paths, costs nothing an object, and is
there for undo and for journals of earlier releases alike.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from migrate.calico.pools import CRD_V1, ip_pool, planned_pools
from migrate.model.action import Action
from migrate.model.ids import RouteName, Side
from migrate.model.marks import PRIOR, is_ours
from migrate.model.objects import Ref, dig
from migrate.planning import commands
from migrate.planning.commands import word
from migrate.replay.storage import data_of
from migrate.runbook import copies
from migrate.runbook.hands import Hands
from migrate.runbook.kubectl import disowned, merge, named, owned
from migrate.runbook.waits import wait

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


def typed(hands: Hands, action: Action) -> str:
    """The command for an Action, lines of it where it takes several; empty where there is nothing to type."""
    found = _BY_KIND.get(action.kind)
    return found(hands, action) if found else action.command


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
    "wait": wait,
    "copy": _copy,
    "disengage": _disengage,
}
