"""DATA: volumes whose content does not move with the objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from migrate.assess.families import Code, Situation
from migrate.assess.wording import count, few
from migrate.assess.workloads import WORKLOADS, pod_spec, title
from migrate.model.facts import Finding, Severity
from migrate.model.migration import DATA_WORDS
from migrate.model.objects import Object, controller_of, dig, name_of, namespace_of, ref_of
from migrate.planning.replication import API_VERSION, DESTINATION, GROUP, INSTALL, SOURCE
from migrate.replay.doomed import WAY_OUT, doomed
from migrate.replay.inline import disks, shares
from migrate.replay.replications import replication_of
from migrate.replay.storage import data_of, volume_moves

CLAIMS = Code(
    "DATA-001",
    Severity.WARNING,
    "claims hold data, and the file does not say what becomes of it",
    "PersistentVolumeClaims that are bound, that no entry of workloads.volumes names, and whose volume no rule replays; "
    "those that one writer at a time may have are marked. Objects are replayed, the bytes are not: on green a claim gets "
    "a new, empty volume unless the volume itself is taken over.",
    "The replay asks about each of them (volume.data). Unprepared, the workload starts empty on green, or both sides "
    "write to what only one may write to.",
    "Plan per volume: restore it from a backup or let the application follow (restored), let green take over the volume "
    "where its nodes reach the same storage (reattach), have a program copy it (copy), or begin anew (empty). Workloads that mount what one writer at a "
    "time may have, or what is brought over, are held until blue's are off. Then say so in the file: workloads.volumes: "
    f"[{{namespace: shop, name: data-*, as: {DATA_WORDS}, reason: ...}}].",
)
HOST_PATH = Code(
    "DATA-002",
    Severity.WARNING,
    "pods keep files on their node",
    "Workloads with hostPath volumes that move. Paths of the system itself (/proc, /sys, /dev, /run, /etc, sockets, "
    "logs) are left out.",
    "What lies in those directories stays on blue's nodes.",
    "Copy the directories to the nodes of green that the pods will run on, or move the data to a claim first.",
)
LOCAL = Code(
    "DATA-003",
    Severity.WARNING,
    "volumes are tied to blue's nodes",
    "PersistentVolumes of kind local or hostPath, bound to claims that move.",
    "They name nodes that green does not have; their data is on those nodes' disks alone.",
    "Copy the data, and let green's storage class make the volume.",
)
VOLSYNC = Code(
    "DATA-004",
    Severity.BLOCKER,
    "VolSync is to copy data, and a cluster does not serve it",
    f"Claims that the file gives to the mover of kind volsync, while blue, or green where it exists, does not serve "
    f"{API_VERSION}.",
    "Nothing could be copied: the run would stop at the first pass, with everything else replayed.",
    f"{INSTALL[:1].upper()}{INSTALL[1:]}; or have a program of yours copy: kind: command.",
)
INLINE = Code(
    "DATA-005",
    Severity.WARNING,
    "pods name disks and shares themselves",
    "Workloads that move and whose pods mount a disk (iSCSI, RBD, a cloud's) or a share (NFS, CephFS, a bucket) that they "
    "name in their own volumes, without a claim, and not read only.",
    "Green's pods would mount the very same. A file system on a disk that two nodes mount is destroyed; to a share both "
    "sides would write. Such workloads are held until blue's are off, and of those with a disk the replay asks first "
    "(decide.disk).",
    "See that green's nodes reach the storage, then say hold of a workload with a disk, or skip it: workloads.rules: "
    "[{kind: Deployment, namespace: shop, name: db, hold: true, reason: ...}]. One whose pods may write to a share from "
    "both sides may be named in workloads.start.",
)
DELETED = Code(
    "DATA-006",
    Severity.WARNING,
    "claims are being deleted while something uses them",
    "PersistentVolumeClaims that move, have a deletionTimestamp and are still bound: Kubernetes keeps them until no pod "
    "uses them, and a deletion cannot be taken back. Those that the file calls empty are left out.",
    "The claim, and with a reclaim policy of Delete its data, is gone as soon as blue's workload is put to rest or merely "
    "restarted. The replay asks about each of them (volume.terminating).",
    f"{WAY_OUT}.",
)
CODES = (CLAIMS, HOST_PATH, LOCAL, VOLSYNC, INLINE, DELETED)

_ONE_WRITER = frozenset({"ReadWriteOnce", "ReadWriteOncePod"})
_SYSTEM = (
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/var/run",
    "/etc",
    "/var/log",
    "/lib/modules",
    "/usr",
    "/var/lib/kubelet",
    "/var/lib/docker",
    "/var/lib/containerd",
)


def find(situation: Situation) -> Iterator[Finding]:
    """Look at claims, hostPath volumes and volumes tied to nodes, of what moves."""
    claims = [
        c
        for c in situation.moving("PersistentVolumeClaim")
        if dig(c, "status", "phase", default="Bound") == "Bound"
    ]
    going = [c for c in claims if doomed(c, situation.migration) is not None]
    unsaid = [c for c in claims if _unsaid(situation, c)]
    if unsaid:
        said = f"{count(len(unsaid), 'claim')}: {few(_sized(c) for c in unsaid)}"
        words = ", ".join(
            f"{{namespace: {namespace_of(c)}, name: {name_of(c)}, as: {DATA_WORDS}, reason: ...}}"
            for c in unsaid
        )
        general = CLAIMS.remedy.partition("workloads.volumes: ")[0]
        yield CLAIMS.found(said, remedy=f"{general}workloads.volumes: [{words}].")
    yield from _volsync(situation, claims)
    paths = dict(_host_paths(situation))
    if paths:
        said = few(f"{who} {path}" for who, path in paths.items())
        yield HOST_PATH.found(f"{count(len(paths), 'workload')}: {said}")
    bound = {(namespace_of(c), name_of(c)) for c in claims}
    tied = [
        v
        for v in situation.blue_inventory.of("PersistentVolume")
        if (dig(v, "spec", "local") or dig(v, "spec", "hostPath"))
        and (dig(v, "spec", "claimRef", "namespace"), dig(v, "spec", "claimRef", "name")) in bound
    ]
    if tied:
        yield LOCAL.found(f"{count(len(tied), 'volume')}: {few(name_of(v) for v in tied)}")
    inline = [f"{title(obj)} ({', '.join(found)})" for obj, found in _inline(situation)]
    if inline:
        yield INLINE.found(f"{count(len(inline), 'workload')}: {few(inline)}")
    if going:
        yield DELETED.found(f"{count(len(going), 'claim')}: {few(_sized(c) for c in going)}")


def _volsync(situation: Situation, claims: Iterable[Object]) -> Iterator[Finding]:
    """Look whether VolSync is served where it is to copy; a simulated blue has a mover of its own."""
    said = [(c, data_of(situation.migration, ref_of(c))) for c in claims]
    copied = [c for c, data in said if data is not None and data.mover is not None and data.mover.volsync]
    if not copied or situation.migration.blue.simulated is not None:
        return
    sides = {"blue": situation.blue_inventory, "green": situation.green_inventory}
    without = [
        side
        for side, inventory in sides.items()
        if inventory is not None
        and not all(inventory.resource(kind, GROUP) for kind in (SOURCE, DESTINATION))
    ]
    if without:
        which = few(f"{namespace_of(c)}/{name_of(c)}" for c in copied)
        yield VOLSYNC.found(f"not served on {' and '.join(without)}; {count(len(copied), 'claim')}: {which}")


def _sized(claim: Object) -> str:
    size = dig(claim, "spec", "resources", "requests", "storage", default="size unknown")
    one = ", one writer" if _ONE_WRITER & set(dig(claim, "spec", "accessModes") or ()) else ""
    return f"{namespace_of(claim)}/{name_of(claim)} ({size}{one})"


def _unsaid(situation: Situation, claim: Object) -> bool:
    """Whether the replay will ask about a claim; one that a pod or a replication has comes and goes with it."""
    if not dig(claim, "spec", "volumeName") and dig(claim, "status", "phase") != "Bound":
        return False  # an export may lack the status: then the volume's name tells
    if doomed(claim, situation.migration) is not None:
        return False  # it is asked about as DATA-006 says, and only one word helps
    if (controller_of(claim) or {}).get("kind") == "Pod" or replication_of(claim):
        return False
    if data_of(situation.migration, ref_of(claim)):
        return False
    return not volume_moves(situation.migration, situation.blue_inventory, claim)


def _of_their_own(situation: Situation) -> Iterator[Object]:
    """What runs pods, moves, and is made by nobody else."""
    for kind, group in WORKLOADS:
        yield from (obj for obj in situation.moving(kind, group) if controller_of(obj) is None)


def _host_paths(situation: Situation) -> Iterator[tuple[str, str]]:
    for obj in _of_their_own(situation):
        paths = sorted({_path(v) for v in pod_spec(obj).get("volumes") or () if _counts(v)})
        if paths:
            yield title(obj), ", ".join(paths)


def _inline(situation: Situation) -> Iterator[tuple[Object, list[str]]]:
    for obj in _of_their_own(situation):
        pod = {"spec": pod_spec(obj)}
        if found := [*disks(pod), *shares(pod)]:
            yield obj, found


def _path(volume: Mapping[str, Any]) -> str:
    return str(dig(volume, "hostPath", "path", default=""))


def _counts(volume: Mapping[str, Any]) -> bool:
    """Whether a volume is a directory of the host that a workload may keep data in."""
    path = _path(volume)
    if not path or dig(volume, "hostPath", "type", default="") in {"Socket", "CharDevice", "BlockDevice"}:
        return False
    return path != "/" and not any(path == s or path.startswith(f"{s}/") for s in _SYSTEM)
