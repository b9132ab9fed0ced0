"""What is worth knowing of an object that moves, although it does not keep it from moving: flags, as data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from migrate.model.decision import Literal
from migrate.model.groups import BUILT_IN_GROUPS
from migrate.model.ids import RuleId
from migrate.model.objects import Object, annotations_of, dig, stored_version
from migrate.replay import kinds
from migrate.replay.identity import cloud_identity
from migrate.replay.kinds import Kind
from migrate.replay.missed import unread
from migrate.replay.pods import state_annotation
from migrate.replay.publishers import publishers_of
from migrate.replay.rule import Subject
from migrate.replay.runs import BELOW
from migrate.replay.sanitising.edit import PODS
from migrate.replay.sanitising.everywhere import LOAD_BALANCER, too_long
from migrate.replay.selected_namespaces import KINDS
from migrate.replay.storage_classes import classes_named, renamed_classes
from migrate.replay.surroundings import Surroundings
from migrate.replay.tokens import TOKEN, account_of, made_token

SHOWN = 3
"""How many addresses of blue a text lists; `Decision.literals` has all."""

Teller = Callable[[Subject, Surroundings, Sequence[Literal]], str]
"""What is said of an object; empty where there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One thing that is told: of which kinds (None: every kind), what, and what for."""

    id: RuleId
    sentence: str
    reason: str
    kinds: frozenset[Kind] | None
    tells: Teller


def flags(subject: Subject, surroundings: Surroundings, literals: Sequence[Literal]) -> Iterator[str]:
    """Say who else keeps the object, what was left behind, and what of it names blue (see `literals`)."""
    for tells in tellers(subject.kind):
        said = tells(subject, surroundings, literals)
        if said:
            yield said


@lru_cache(maxsize=1024)
def tellers(kind: Kind) -> tuple[Teller, ...]:
    """What tells of an object of a kind, in the order of the table."""
    return tuple(flag.tells for flag in FLAGS if flag.kinds is None or kind in flag.kinds)


def named(literals: Sequence[Literal]) -> str:
    """Say which addresses of blue an object names: the first, and how many more there are."""
    if not literals:
        return ""
    more = len(literals) - SHOWN
    said = ", ".join(map(str, literals[:SHOWN])) + (f" and {more} more" if more > 0 else "")
    return f"names addresses of blue: {said}"


def _flag(name: str, sentence: str, reason: str, *of: Kind, tells: Teller) -> Flag:
    return Flag(RuleId(f"flag.{name}"), sentence, reason, frozenset(of) or None, tells)


def _of_object(tells: Callable[[Object], str]) -> Teller:
    return lambda subject, _surroundings, _literals: tells(subject.obj)


def _in_pod(name: str, sentence: str, reason: str, tells: Callable[[Any], str]) -> Flag:
    """A flag of the spec of pods and pod templates."""

    def told(subject: Subject, _surroundings: Surroundings, _literals: Sequence[Literal]) -> str:
        return tells(kinds.pod_of(subject.kind, subject.obj).get("spec") or {})

    return Flag(RuleId(f"flag.{name}"), sentence, reason, PODS, told)


def _uses(field: str) -> Callable[[Any], str]:
    return lambda spec: f"uses {field}" if spec.get(field) else ""


def _converted(subject: Subject, surroundings: Surroundings, _literals: Sequence[Literal]) -> str:
    return surroundings.blue.inventory.converted.get(subject.ref, "")


def _storage_class(subject: Subject, surroundings: Surroundings, _literals: Sequence[Literal]) -> str:
    """What a custom resource names under blue's name: only in kinds that we know are classes renamed."""
    names = renamed_classes(surroundings.blue.migration)
    if not names or subject.ref.group in BUILT_IN_GROUPS or kinds.pod_path(subject.kind) is not None:
        return ""
    found = sorted(names.keys() & set(classes_named(subject.obj)))
    return "; ".join(f"names storage class {name}, which is {names[name]} on green" for name in found)


def _stored(obj: Object) -> str:
    served = {version.get("name") for version in dig(obj, "spec", "versions", default=()) or ()}
    gone = [name for name in dig(obj, "status", "storedVersions", default=()) or () if name not in served]
    if not gone:
        return ""
    return f"blue may still store {', '.join(gone)}, which it does not serve: such objects cannot be read"


def _unconverted(subject: Subject, surroundings: Surroundings, _literals: Sequence[Literal]) -> str:
    """Who converts a definition's objects only later, or never, and what works without."""
    backing = surroundings.admission.conversions.get(subject.ref)
    if backing is None or not (backing.waiting or backing.missing):
        return ""
    away = ", ".join((*map(str, backing.waiting), *backing.missing))
    stored = stored_version(subject.obj)
    works = f"version {stored} alone works" if stored else "none of its objects can be written or read"
    until = "without it" if backing.missing else "until the cutover"
    return f"its conversion webhook is answered by {away}: {until}, {works} on green"


def _keepers(subject: Subject, surroundings: Surroundings, _literals: Sequence[Literal]) -> str:
    """Who keeps it as Git has it, and which release of Helm's it is part of."""
    said = [f"kept by {keeper}" for keeper in dict.fromkeys(surroundings.keepers.each_of(subject.obj))]
    release = annotations_of(subject.obj).get("meta.helm.sh/release-name")
    return "; ".join([*said, f"part of Helm release {release}"] if release else said)


def _load_balancer(obj: Object) -> str:
    named = [note for key, note in sorted(annotations_of(obj).items()) if re.match(LOAD_BALANCER, key)]
    return f"names a load balancer of blue's cloud: {', '.join(named)}" if named else ""


def _last_applied(obj: Object) -> str:
    if not too_long(annotations_of(obj)):
        return ""
    return "last-applied is not carried over: with our marks its annotations would be above 256 KiB"


def _networking(subject: Subject, _surroundings: Surroundings, _literals: Sequence[Literal]) -> str:
    """What a person asked of blue's network on a pod, a template or a namespace."""
    keys = {*annotations_of(subject.obj), *annotations_of(kinds.pod_of(subject.kind, subject.obj))}
    asked = sorted(key for key in keys if state_annotation(key) and not _written_by_cni(key))
    return f"annotation {', '.join(asked)} is dropped" if asked else ""


def _written_by_cni(key: str) -> bool:
    return key.endswith(("/podIP", "/podIPs", "/containerID", "status", "/pod-networks")) or key.startswith(
        "k8s.ovn.org/"
    )


def _named_token(subject: Subject, surroundings: Surroundings, _literals: Sequence[Literal]) -> str:
    user = surroundings.blue.named_secrets.get((subject.ref.namespace, subject.ref.name))
    if user is None or subject.obj.get("type") != TOKEN or not made_token(subject.obj):
        return ""
    return (
        f"blue made it for ServiceAccount {account_of(subject.obj)}, and {user} names it: green fills it in"
    )


def _selecting(subject: Subject, surroundings: Surroundings, _literals: Sequence[Literal]) -> str:
    return str(surroundings.selected_namespaces.turned(subject.obj))


def _node(subject: Subject, _surroundings: Surroundings, _literals: Sequence[Literal]) -> str:
    name = dig(kinds.pod_of(subject.kind, subject.obj), "spec", "nodeName")
    return f"nodeName {name} is dropped" if name else ""


def _host_port(spec: Any) -> str:
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    ports = sorted({p["hostPort"] for c in containers for p in c.get("ports") or () if p.get("hostPort")})
    return f"uses hostPort {', '.join(map(str, ports))}" if ports else ""


def _host_path(spec: Any) -> str:
    paths = sorted({str(dig(v, "hostPath", "path")) for v in spec.get("volumes") or () if v.get("hostPath")})
    return f"uses hostPath {', '.join(paths)}" if paths else ""


def _publishers(subject: Subject, _surroundings: Surroundings, _literals: Sequence[Literal]) -> str:
    return "; ".join(map(str, publishers_of(kinds.pod_of(subject.kind, subject.obj))))


def _keeps_pods(subject: Subject, surroundings: Surroundings, _literals: Sequence[Literal]) -> str:
    if subject.ref.group in BUILT_IN_GROUPS or subject.kind in BELOW:
        return ""
    if surroundings.parents.of(subject.ref) is not None:
        return ""  # what may not run twice is put to rest behind its controller (`defer.custom`)
    number = surroundings.blue.pods_of_custom.get(subject.ref, 0)
    pods = f"{number} pod{'s' * (number != 1)}"
    return f"its controller keeps {pods} on blue, which the run does not stop" if number else ""


def _paused(obj: Object) -> str:
    paused = dig(obj, "spec", "paused")
    return "is paused: on green it makes no pods until it is resumed" if paused else ""


def _retention(obj: Object) -> str:
    retention = dig(obj, "spec", "persistentVolumeClaimRetentionPolicy", default={})
    deletes = "Delete" in retention.values()
    return "claims are retained until it is released; blue deletes them with the set" if deletes else ""


def _reclaim(obj: Object) -> str:
    policy = dig(obj, "spec", "persistentVolumeReclaimPolicy")
    if policy in (None, "Retain"):
        return ""
    return f"reclaim policy {policy} becomes Retain on green, and stays so: blue has the same volume"


FLAGS: tuple[Flag, ...] = (
    _flag(
        "converted",
        "what was converted from another API version, and what that changed",
        "green serves no version that blue has it in",
        tells=_converted,
    ),
    _flag(
        "keeper",
        "what of Argo CD or Flux keeps it, and which release of Helm's it is part of",
        "who else will write to it on green",
        tells=_keepers,
    ),
    _flag(
        "last-applied",
        "that last-applied stays behind (`edit.annotation.last-applied`)",
        "the next `kubectl apply` on green cannot prune by it",
        tells=_of_object(_last_applied),
    ),
    _flag(
        "network",
        "which annotations stay behind (`edit.annotation.network`) that a person may have written",
        "what somebody asked of blue's network is to be asked of green's",
        tells=_networking,
    ),
    _flag(
        "load-balancer",
        "which load balancer in OpenStack a Service names (`edit.annotation.load-balancer`)",
        "one that a person made and wants to keep has to be named on green, once blue has let go of it",
        kinds.SERVICE,
        tells=_of_object(_load_balancer),
    ),
    Flag(
        RuleId("flag.node"),
        "that a template named a node (`edit.pod.node`)",
        "its pods go where the scheduler wants them",
        PODS - {kinds.POD},
        _node,
    ),
    _in_pod(
        "host-network",
        "`hostNetwork`",
        "it listens on the node's addresses, which are others on green; policies do not reach it",
        _uses("hostNetwork"),
    ),
    _in_pod("host-aliases", "`hostAliases`", "names with addresses that may be blue's", _uses("hostAliases")),
    _in_pod("dns-config", "`dnsConfig`", "name servers that may be blue's", _uses("dnsConfig")),
    _in_pod("host-port", "`hostPort`", "clients may reach it at a node of blue", _host_port),
    _in_pod("host-path", "`hostPath`", "what lies on a node of blue is not on green's", _host_path),
    Flag(
        RuleId("flag.dns-owner"),
        "of external-dns the name under which it owns records (`--txt-owner-id`), its registry and policy",
        "green's goes on under the same one once blue's is off; one that green has of its own needs another (DNS-001)",
        PODS,
        _publishers,
    ),
    _flag(
        "paused",
        "a paused Deployment",
        "released, it still has no pods",
        kinds.DEPLOYMENT,
        tells=_of_object(_paused),
    ),
    _flag(
        "addresses",
        "addresses inside blue's pod and service ranges, and of its nodes, whose names count in URLs and before ports, in any "
        "text; of a Secret masked",
        "on green they belong to nobody; nothing is rewritten",
        tells=lambda _subject, _surroundings, literals: named(literals),
    ),
    _flag(
        "selected-namespace",
        "a policy or webhook that selects namespaces that stay by labels of theirs (see `merge.system-namespace`)",
        "green's namespace of that name, if there is one, needs the label: else nothing is let through, or nobody spared",
        *KINDS,
        tells=_selecting,
    ),
    _flag(
        "retention",
        "a StatefulSet that deletes its claims (`edit.stateful-set.retention`)",
        "it does so on green once it is released",
        kinds.STATEFUL_SET,
        tells=_of_object(_retention),
    ),
    _flag(
        "reclaim-policy",
        "a volume that blue would not retain (`edit.volume.reclaim-policy`)",
        "both sides have the same one",
        kinds.PERSISTENT_VOLUME,
        tells=_of_object(_reclaim),
    ),
    _flag(
        "keeps-pods",
        "how many pods a custom resource has by its controller, where the kind has no form in which they rest",
        "they go on on blue, and green's begin as soon as the controller does: stop them in its own way, before that; with "
        "`hold: true` it is made at the cutover only",
        tells=_keeps_pods,
    ),
    _flag(
        "stored-versions",
        "versions of a definition that may be stored and are not served",
        "objects in them cannot be read, and so do not move",
        kinds.DEFINITION,
        tells=_of_object(_stored),
    ),
    _flag(
        "conversion",
        "a definition whose conversion webhook nobody answers before the cutover, or whose Service does not move",
        "objects are written in the version that is stored; who asks for another one gets an error",
        kinds.DEFINITION,
        tells=_unconverted,
    ),
    _flag(
        "storage-class",
        "storage classes that a custom resource names and `workloads.storageClasses` renames",
        "only in built-in kinds are they renamed",
        tells=_storage_class,
    ),
    _flag(
        "named-token",
        "a token that blue made by itself and pods name (`managed.account-token` leaves the others)",
        "without it they would not start; the better way is the token that every pod is given",
        kinds.SECRET,
        tells=_named_token,
    ),
    _flag(
        "cloud-identity",
        "a ServiceAccount's identity in a cloud",
        "the cloud must trust green's token issuer, too",
        kinds.SERVICE_ACCOUNT,
        tells=_of_object(lambda obj: "; ".join(cloud_identity(obj))),
    ),
    _flag(
        "schedule",
        "a schedule that is not read here",
        "nobody will name what it missed while it moved",
        kinds.CRON_JOB,
        tells=_of_object(lambda obj: "; ".join(unread(obj))),
    ),
)
"""What is told of an object that is written, in this order."""
