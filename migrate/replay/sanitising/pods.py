"""What of a pod, or of a pod template, belongs to blue: its node, its token, its network's state.

Labels of a template are never touched (a Job's generated ones apart, see `workloads`); node selectors, affinities and
tolerations stay, because dropping them moves pods where they were never meant to run.
"""

from __future__ import annotations

import re
from typing import Any

from migrate.model.objects import Object, dig
from migrate.replay import kinds
from migrate.replay.edits import changed, reduced, removed
from migrate.replay.pods import STATE, mounted_elsewhere
from migrate.replay.sanitising.edit import Change, Edit, Setting, in_pods, unnoted

_PROJECTED_TOKEN = re.compile(r"kube-api-access-[a-z0-9]{5}")


def _without(*path: str) -> Change:
    *parents, key = path

    def change(pod: Object, _setting: Setting) -> Object:
        return removed(pod, *path) if key in (dig(pod, *parents) or ()) else pod

    return change


def _overhead(pod: Object, _setting: Setting) -> Object:
    return removed(pod, "spec", "overhead") if dig(pod, "spec", "runtimeClassName") else pod


def _token(pod: Object, _setting: Setting) -> Object:
    """Drop the volume with the ServiceAccount's token, which the server adds by itself."""
    volumes = dig(pod, "spec", "volumes") or ()
    suspects = {v.get("name") for v in volumes if _may_hold_token(v)}
    if not suspects:
        return pod
    dropped = suspects - mounted_elsewhere(pod)
    pod = reduced(pod, ("spec", "volumes"), [v for v in volumes if v.get("name") not in dropped])
    for group in ("containers", "initContainers"):
        pod = changed(pod, ("spec", group), lambda items: [_without_mounts(c, dropped) for c in items or ()])
    return pod


def _may_hold_token(volume: Any) -> bool:
    name = str(volume.get("name", ""))
    if "projected" in volume:
        return _PROJECTED_TOKEN.fullmatch(name) is not None
    return re.search(r"-token-[a-z0-9]{5}$", str(dig(volume, "secret", "secretName", default=""))) is not None


def _without_mounts(container: Any, names: set[Any]) -> Any:
    mounts = container.get("volumeMounts") or ()
    return reduced(container, ("volumeMounts",), [m for m in mounts if m.get("name") not in names])


EDITS: tuple[Edit, ...] = (
    in_pods(
        "pod.network",
        "a network's notes about blue in a template's annotations, as in `edit.annotation.network`",
        "addresses of blue; networks that are asked for stay",
        change=unnoted(STATE),
    ),
    in_pods(
        "pod.created",
        "`metadata.creationTimestamp` of a template",
        "older servers show it as null, newer ones serve none (kubernetes#130989)",
        change=_without("metadata", "creationTimestamp"),
    ),
    in_pods(
        "pod.node",
        "`nodeName`",
        "blue's node; node selectors, affinities and tolerations stay, else pods land where they were never meant to run",
        change=_without("spec", "nodeName"),
    ),
    in_pods(
        "pod.priority",
        "`priority`; the priority class stays",
        "the server works it out from the class, and refuses another number",
        change=_without("spec", "priority"),
    ),
    in_pods(
        "pod.token",
        "the volume with the ServiceAccount's token, and its mounts at the usual place",
        "green's server adds its own; one that is mounted elsewhere stays",
        change=_token,
    ),
    in_pods(
        "pod.debugging",
        "`ephemeralContainers`",
        "they may not be given when a pod is made",
        kinds.POD,
        change=_without("spec", "ephemeralContainers"),
    ),
    in_pods(
        "pod.overhead",
        "`overhead`, where the pod has a runtime class",
        "it comes from the class, and must agree with green's",
        kinds.POD,
        change=_overhead,
    ),
)
