"""What is found in a pod, or in a pod template: its images, the claims and Secrets it names, a network's notes about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from migrate.model.objects import Object, dig, name_of

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a directory
"""Where a pod finds its ServiceAccount's token; the server mounts it there by itself."""

JOB_LABELS = frozenset(
    {
        "controller-uid",
        "job-name",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-name",
    }
)
"""Labels that the Job controller generates; a new Job with them is refused."""

STATE = (
    r"cni\.projectcalico\.org/"
    r"|k8s\.ovn\.org/"
    r"|k8s\.v1\.cni\.cncf\.io/[a-z-]*status"
    r"|flannel\.alpha\.coreos\.com/"
    r"|kube-peers\.weave\.works/"
)
"""Pattern of the annotations in which a network notes what it did for blue."""

_STATE = re.compile(STATE)


def state_annotation(key: str) -> bool:
    """Whether an annotation is a network's note about blue's pod."""
    return _STATE.match(key) is not None


def image_path(pattern: str) -> re.Pattern[str]:
    """What finds the images whose path ends as a pattern says; registry, tag and digest are left out."""
    return re.compile(rf"(?:^|/){pattern}(?:[:@]|$)")


def containers_of(pod: Object) -> Iterator[Mapping[str, Any]]:
    """The containers that run as long as a pod does; source: Kubernetes, sidecar containers.

    Those are its own, and the init containers that are always restarted; the others are gone when it runs.
    """
    yield from dig(pod, "spec", "containers", default=()) or ()
    for container in dig(pod, "spec", "initContainers", default=()) or ():
        if container.get("restartPolicy") == "Always":
            yield container


def images_of(pod: Object) -> Iterator[str]:
    """The images of what runs as long as a pod does."""
    return (str(container.get("image", "")) for container in containers_of(pod))


def claims_of(pod: Object) -> Iterator[str]:
    """The claims that a pod, or a pod template, mounts, by name."""
    for volume in dig(pod, "spec", "volumes", default=()) or ():
        name = dig(volume, "persistentVolumeClaim", "claimName")
        if name:
            yield str(name)


def mounted_elsewhere(pod: Object) -> set[str]:
    """The volumes of a pod that some container mounts where the server does not mount the account's token."""
    return {
        str(mount.get("name"))
        for container in _containers(pod)
        for mount in container.get("volumeMounts") or ()
        if mount.get("mountPath") != TOKEN_PATH
    }


def secrets_of(pod: Object) -> Iterator[str]:
    """The Secrets that a pod, or a pod template, needs by name; what the server mounts for the account is none."""
    elsewhere = mounted_elsewhere(pod)
    sources: list[Any] = []
    for volume in dig(pod, "spec", "volumes", default=()) or ():
        if volume.get("name") in elsewhere:
            sources += (
                volume.get("secret"),
                *(s.get("secret") for s in dig(volume, "projected", "sources") or ()),
            )
    for container in _containers(pod):
        sources += (dig(entry, "valueFrom", "secretKeyRef") for entry in container.get("env") or ())
        sources += (entry.get("secretRef") for entry in container.get("envFrom") or ())
    for source in sources:
        name = dig(source, "secretName") or dig(source, "name")
        if name and not source.get("optional"):
            yield str(name)


def _containers(pod: Object) -> Iterator[Mapping[str, Any]]:
    for group in ("initContainers", "containers"):
        yield from dig(pod, "spec", group) or ()


def of_template(claim: str, template: Object, owner: str) -> bool:
    """Whether a claim has a name that a StatefulSet, `owner`, gives by one of its templates: template, set, ordinal."""
    made = f"{name_of(template)}-{owner}-"
    return claim.startswith(made) and claim.removeprefix(made).isdecimal()
