"""What is found in a pod, or in a pod template: the claims it mounts, and a network's notes about it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migrate.model.objects import Object, dig, name_of

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
