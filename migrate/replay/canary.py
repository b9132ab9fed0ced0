"""A pod that is only tried: what green's server makes of a workload's template, held against a pod that runs on blue.

The server is asked by a dry run, so that what it refuses or leaves out is known before anything starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.model.inventory import Inventory
from migrate.model.migration import Accepted
from migrate.model.objects import (
    Object,
    Ref,
    annotations_of,
    controller_of,
    dig,
    labels_of,
    metadata_of,
    name_of,
    namespace_of,
    ref_of,
)
from migrate.model.verdict import Verdict, failed, passed
from migrate.replay import kinds
from migrate.replay.accepted import reason

CANARY = "canary pod of "
"""How the checks begin that say whether green would take a workload's pods."""

NO_DRY_RUN = "does not support dry run"
"""How a server says that a webhook may not be asked in a dry run (apiserver, pkg/admission/plugin/webhook/errors)."""

PASSING = (
    NO_DRY_RUN,
    "status unknown for quota",
    "not yet ready to handle request",
)
"""Words of answers that say nothing of the pod: of a webhook that may not be asked, of caches still empty.

A webhook that cannot be called and insists is none of them: whoever backs one that stands by now was started with it.
"""

NOT_CHECKED = ", not checked"
"""How the check ends that says what was not tried, or not compared: an approval without it does not cover it."""

CONTAINERS = "spec.template.spec.containers"
"""The path by which `verify.accept` lets green's pods be without a container that blue's have."""

_BETWEEN = frozenset({kinds.REPLICA_SET, kinds.JOB})
"""What stands between a pod and the workload that a person wrote."""

_UNBORN = "00000000-0000-0000-0000-000000000000"
"""The UID of what green does not have yet: a server takes no reference without one, and looks nobody up in a dry run."""

_LONGEST = 240
"""Letters of a workload's name in its canary's, which has 253 at most."""


def canary(workload: Object) -> Object | None:
    """The first pod that a workload's controller would make, as far as admission looks; None where it has no template.

    It is owned as such pods are, because there are policies against pods that nobody controls: a CronJob's by a Job,
    a bare Pod's by nobody. The volumes of a StatefulSet's claims are added as its controller does, else the mounts of its
    template lead nowhere.
    """
    template = kinds.pod_of(ref_of(workload)[:2], workload)
    if not template.get("spec"):
        return None
    metadata: dict[str, Any] = {
        **{
            key: template["metadata"][key]
            for key in ("labels", "annotations")
            if dig(template, "metadata", key)
        },
        "name": f"{name_of(workload)[:_LONGEST]}-canary",
        "namespace": namespace_of(workload),
    }
    if owner := _owner_of_pods(workload):
        metadata["ownerReferences"] = [owner]
    spec = {key: value for key, value in template["spec"].items() if key != "nodeName"}
    claims = [_volume(workload, claim) for claim in dig(workload, "spec", "volumeClaimTemplates") or ()]
    if claims:
        named = {claim["name"] for claim in claims}
        spec["volumes"] = [*(v for v in spec.get("volumes") or () if v.get("name") not in named), *claims]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def running(blue: Inventory) -> Mapping[Ref, Mapping[str, str]]:
    """By workload, the containers that its newest running pod has beyond the template it was made from, with images.

    A pod of an earlier revision of a StatefulSet or DaemonSet says nothing, as that template is no more to be read. Of
    a Job and a CronJob one that has done its work says as much as one that runs; a bare Pod is its own template.
    """
    newest: dict[Ref, tuple[Object, Object]] = {}
    for pod in blue.of("Pod"):
        maker = blue.find(_owner(pod)) if controller_of(pod) else pod
        if maker is None or not _tells(pod, maker) or not _of_today(pod, maker):
            continue
        above = ref_of(maker)[:2] in _BETWEEN and controller_of(maker)
        workload = _owner(maker) if above else ref_of(maker)
        before = newest.get(workload)
        if before is None or _made(before[0]) < _made(pod):
            newest[workload] = pod, maker
    return {workload: _beyond(*found) for workload, found in newest.items()}


def taken(
    workload: Ref, sent: Object, answer: Object, there: Mapping[str, str] | None, accept: Sequence[Accepted]
) -> Verdict:
    """What green made of a canary; `there` is what blue's own pod has beyond its template, None where none runs."""
    check = f"{CANARY}{workload}"
    have, own = _containers(answer), _containers(sent)
    added = {name: image for name, image in have.items() if name not in own}
    lost = sorted(set(there or ()) - set(have))
    why = reason(workload, CONTAINERS, accept)
    if lost and not why:
        told = f"{', '.join(lost)}: injected into its pod on blue and not on green"
        remedy = (
            "bring the webhook that injects it over, with its backend, and let it select the pod on green as on blue; "
            f"or accept it: verify.accept with kind {workload.kind}, name {workload.name}, path {CONTAINERS} and a reason"
        )
        return failed(check, told, remedy)
    said = ["taken by green's server"]
    if added:
        said.append(f"injected: {', '.join(f'{name} ({image})' for name, image in sorted(added.items()))}")
    if there is None:
        check += NOT_CHECKED
        said.append("no pod of it runs on blue to compare with")
    said += [f"without {', '.join(lost)}, accepted: {why}"] if lost else []
    said += [
        f"{name} is not injected on blue" for name in sorted(added) if there is not None and name not in there
    ]
    for name, image in sorted((there or {}).items()):
        if have.get(name, image) != image:
            said.append(f"{name} has {image} on blue")
    return passed(check, "; ".join(said))


def refused(workload: Ref, words: str, path: str) -> Verdict:
    """What green's server said instead of taking a canary; what says nothing of the pod is told under a name of its own."""
    check = f"{CANARY}{workload}"
    if any(passing in words for passing in PASSING):
        return passed(check + NOT_CHECKED, f"not checked by a dry run: {words}")
    remedy = (
        "change on green what refuses the pod, or the workload on blue, and run again; nothing was started"
    )
    return failed(check, f"{words}, at {path}", remedy)


def untried(workload: Ref, why: str) -> Verdict:
    """Say of a canary that it was not sent, and why: of the pod nothing is known by that."""
    return passed(f"{CANARY}{workload}{NOT_CHECKED}", why)


def _volume(workload: Object, claim: Object) -> dict[str, Any]:
    name = dig(claim, "metadata", "name", default="")
    return {"name": name, "persistentVolumeClaim": {"claimName": f"{name}-{name_of(workload)}-0"}}


def _owner_of_pods(workload: Object) -> dict[str, Any] | None:
    """The reference that a workload's pods have to who controls them; None where nobody does."""
    owner = {
        "name": name_of(workload),
        "uid": metadata_of(workload).get("uid") or _UNBORN,
        "controller": True,
    }
    match ref_of(workload)[:2]:
        case kinds.POD:
            return None
        case kinds.CRON_JOB:
            return {**owner, "apiVersion": "batch/v1", "kind": "Job"}
        case _:
            return {**owner, "apiVersion": workload["apiVersion"], "kind": workload["kind"]}


def _owner(obj: Object) -> Ref:
    owner = controller_of(obj) or {}
    group = str(owner.get("apiVersion", "")).rpartition("/")[0]
    return Ref(group, str(owner.get("kind", "")), namespace_of(obj), str(owner.get("name", "")))


def _tells(pod: Object, maker: Object) -> bool:
    """Whether a pod shows what admission made of it: it runs, or has done the work of a Job."""
    phases = {"Running", "Succeeded"} if ref_of(maker)[:2] == kinds.JOB else {"Running"}
    return dig(pod, "status", "phase") in phases and not metadata_of(pod).get("deletionTimestamp")


def _of_today(pod: Object, maker: Object) -> bool:
    """Whether a pod was made from the template that its maker has now; a ReplicaSet's template stays what it was."""
    match str(maker.get("kind")):
        case "StatefulSet":
            then, now = labels_of(pod).get("controller-revision-hash"), dig(maker, "status", "updateRevision")
        case "DaemonSet":
            then = labels_of(pod).get("pod-template-generation")
            now = annotations_of(maker).get("deprecated.daemonset.template.generation")
        case _:
            return True
    return not then or not now or then == now


def _beyond(pod: Object, maker: Object) -> Mapping[str, str]:
    own = _containers(kinds.pod_of(ref_of(maker)[:2], maker))
    return {name: image for name, image in _containers(pod).items() if name not in own}


def _containers(pod: Object) -> dict[str, str]:
    """Containers of both lists by name: an injector may choose another list on a newer server."""
    lists = (dig(pod, "spec", word) or () for word in ("initContainers", "containers"))
    return {str(c.get("name", "")): str(c.get("image", "")) for found in lists for c in found}


def _made(pod: Object) -> str:
    return str(metadata_of(pod).get("creationTimestamp") or "")
