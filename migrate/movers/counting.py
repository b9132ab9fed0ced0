"""The pod that counts what lies in a claim, and takes the checksums of some files: what it runs and what it says.

VolSync counts nothing on the target: that a synchronisation ended says nothing of what is there. The figures come by the
pod's termination message, of which a kubelet keeps 4096 bytes; source: Kubernetes, Determine the Reason for Pod Failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from migrate.doors.mover import Amount, Sample
from migrate.errors import Refused
from migrate.model.migration import VolSyncSpec
from migrate.model.objects import Object, Ref, dig
from migrate.planning.replication import copy_name

FIRST = "first"
"""Asks the pod to choose the files of the sample itself: the first by name."""

SCRIPT = r"""set -eu
export LC_ALL=C
cd /data
find . -path ./lost+found -prune -o -type f -exec stat -c %s {} + > /count/sizes
awk '{ bytes += $1; files++ } END { printf "%.0f %.0f\n", bytes, files }' /count/sizes > /count/said
how=$1 number=$2
shift 2
if [ "$how" = first ]; then
  find . -path ./lost+found -prune -o -type f ! -path '*[! -~]*' ! -path '*\\*' -print > /count/names
  sort /count/names | head -n "$number" > /count/sample
else
  for path in "$@"; do printf './%s\n' "$path"; done > /count/sample
fi
while IFS= read -r path; do
  if [ -f "$path" ] && [ ! -L "$path" ]; then sha256sum "$path" >> /count/said; fi
done < /count/sample
head -c 4000 /count/said > /dev/termination-log
"""
"""What is run, in any image with a POSIX shell and the usual tools, busybox's among them.

Names of other than printable ASCII are left out of the sample, as a message is text; a mover keeps lost+found back.
"""

_SUM = re.compile(r"([0-9a-f]{64})  \./(.+)")
_GIVES_UP = frozenset(
    {"ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "ErrImageNeverPull"}
)
"""Why a container waits that will not start by itself; source: the kubelet's reasons."""
_SHOWN = 500


def pod(
    claim: Ref, spec: VolSyncSpec, *, paths: Iterable[str] | None, beside: Object | None, deadline: float
) -> Object:
    """The counting pod; it samples `paths`, or chooses itself where they are None.

    `beside` is a pod that uses the claim: a volume that one node may have at a time is there.
    """
    chosen = [FIRST, str(spec.sample)] if paths is None else ["these", "0", *paths]
    mounts = [
        {"name": "data", "mountPath": "/data", "readOnly": True},
        {"name": "count", "mountPath": "/count"},
    ]
    container = {
        "name": "count",
        "image": spec.count_image,
        "command": ["sh", "-c", SCRIPT, "count", *chosen],
        "securityContext": _confined(spec.run_as_user),
        "volumeMounts": mounts,
    }
    told: dict[str, Any] = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": max(1, int(deadline)),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": claim.name}},
            {"name": "count", "emptyDir": {}},
        ],
    }
    if beside is not None:
        told |= {"nodeName": dig(beside, "spec", "nodeName")}
        told |= {"tolerations": dig(beside, "spec", "tolerations", default=[])}
    metadata = {"name": copy_name(claim), "namespace": claim.namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": told}


def _confined(user: int | None) -> dict[str, Any]:
    """No rights but to read every file: as a user of the file's, or as the image's past the files' modes.

    What is added is what the Pod Security Standard "baseline" allows; under "restricted" the file names a user.
    """
    capabilities: dict[str, Any] = {"drop": ["ALL"]}
    confined = {"allowPrivilegeEscalation": False, "capabilities": capabilities}
    if user is None:
        capabilities["add"] = ["DAC_OVERRIDE"]
        return confined
    return {**confined, "runAsUser": user, "runAsNonRoot": user > 0}


def user_of(claim: Ref, pods: Iterable[Object]) -> Object | None:
    """A pod on a node that uses the claim and has not ended; the first by name."""
    using = [p for p in pods if dig(p, "spec", "nodeName") and claim.name in _claims(p) and not _ended(p)]
    return min(using, key=lambda p: str(p["metadata"]["name"]), default=None)


def counted(seen: Object, side: str) -> tuple[Amount, Sample] | None:
    """What a counting pod has said; None while it is at work. Raises Refused where it failed, or will not start."""
    states: Sequence[Any] = [s.get("state") or {} for s in dig(seen, "status", "containerStatuses") or ()]
    state = states[0] if states else {}
    phase = dig(seen, "status", "phase")
    if (waits := state.get("waiting") or {}).get("reason") in _GIVES_UP:
        raise Refused(
            f"the pod that counts on {side} does not start: {waits['reason']} {_shown(waits.get('message'))}"
        )
    if phase == "Failed":
        why = _shown(dig(state, "terminated", "message") or dig(seen, "status", "message"))
        reason = dig(state, "terminated", "reason") or dig(seen, "status", "reason") or "failed"
        raise Refused(
            f"the pod that counts on {side} failed ({reason}), so nothing is known of the copy: {why}"
        )
    return _read(str(dig(state, "terminated", "message", default="")), side) if phase == "Succeeded" else None


def _read(message: str, side: str) -> tuple[Amount, Sample]:
    lines = message.split("\n")[:-1]  # what the message had no more room for is cut inside a line
    figures = re.fullmatch(r"(\d+) (\d+)", lines[0]) if lines else None
    if figures is None:
        raise Refused(f"the pod that counts on {side} said {_shown(message)!r} where two numbers are wanted")
    sums = (match for line in lines[1:] if (match := _SUM.fullmatch(line)))
    return Amount(int(figures[1]), int(figures[2])), {match[2]: match[1] for match in sums}


def _claims(obj: Object) -> set[str]:
    volumes = dig(obj, "spec", "volumes") or ()
    return {dig(v, "persistentVolumeClaim", "claimName", default="") for v in volumes}


def _ended(obj: Object) -> bool:
    return dig(obj, "status", "phase") in {"Succeeded", "Failed"}


def _shown(text: Any) -> str:
    return "".join(c for c in str(text or "")[-_SHOWN:] if c.isprintable() or c == "\n").strip()
