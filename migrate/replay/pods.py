"""What of a pod, or of a pod template, belongs to blue: its node, its token, its network's state.

Labels of a template are never touched (a Job's generated ones apart, see `sanitise`); node selectors, affinities and
tolerations stay, because dropping them moves pods where they were never meant to run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from migrate.model.objects import Object, annotations_of, dig, name_of
from migrate.replay.edits import changed, reduced, removed, without

JOB_LABELS = frozenset(
    {
        "controller-uid",
        "job-name",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
    }
)
"""Labels that the Job controller generates; a new Job with them is refused."""

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a directory
"""Where a pod finds its ServiceAccount's token; the server mounts it there by itself."""

_STATE = re.compile(
    r"cni\.projectcalico\.org/"
    r"|k8s\.ovn\.org/"
    r"|k8s\.v1\.cni\.cncf\.io/[a-z-]*status"
    r"|flannel\.alpha\.coreos\.com/"
    r"|kube-peers\.weave\.works/"
)
_PROJECTED_TOKEN = re.compile(r"kube-api-access-[a-z0-9]{5}")


def state_annotation(key: str) -> bool:
    """Whether an annotation is a network's note about blue's pod."""
    return _STATE.match(key) is not None


def template(pod: Any) -> Any:
    """Reduce a pod template."""
    if not isinstance(pod, dict):
        return pod
    pod = changed(pod, ("metadata",), lambda m: without(m or {}, "creationTimestamp"))
    if any(state_annotation(key) for key in annotations_of(pod)):
        annotations = {k: v for k, v in annotations_of(pod).items() if not state_annotation(k)}
        pod = reduced(pod, ("metadata", "annotations"), annotations)
    for field in ("nodeName", "priority"):
        pod = removed(pod, "spec", field)
    return _without_token(pod)


def bare_pod(pod: Object) -> Object:
    """Reduce a Pod that no controller owns."""
    pod = template(pod)
    pod = removed(pod, "spec", "ephemeralContainers")  # may not be given when a pod is made
    if dig(pod, "spec", "runtimeClassName"):
        pod = removed(pod, "spec", "overhead")  # comes from the class, and must agree with green's
    return pod


def claims_of(pod: Object) -> Iterator[str]:
    """The claims that a pod, or a pod template, mounts, by name."""
    for volume in dig(pod, "spec", "volumes", default=()) or ():
        name = dig(volume, "persistentVolumeClaim", "claimName")
        if name:
            yield str(name)


def of_template(claim: str, template: Object, owner: str) -> bool:
    """Whether a claim has a name that a StatefulSet, `owner`, gives by one of its templates: template, set, ordinal."""
    made = f"{name_of(template)}-{owner}-"
    return claim.startswith(made) and claim.removeprefix(made).isdecimal()


def _without_token(pod: Object) -> Object:
    """Drop the volume with the ServiceAccount's token, which the server adds by itself."""
    volumes = dig(pod, "spec", "volumes") or ()
    suspects = {v.get("name") for v in volumes if _may_hold_token(v)}
    if not suspects:
        return pod
    elsewhere = {
        mount.get("name")
        for group in ("containers", "initContainers")
        for container in dig(pod, "spec", group) or ()
        for mount in container.get("volumeMounts") or ()
        if mount.get("mountPath") != TOKEN_PATH
    }
    dropped = suspects - elsewhere
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
