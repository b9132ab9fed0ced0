"""The pod that counts what lies in a claim, and takes the checksums of some files; alike from a run and from a person's hand.

VolSync counts nothing on the target: that a synchronisation ended says nothing of what is there. The figures come by the
pod's termination message, of which a kubelet keeps 4096 bytes; source: Kubernetes, Determine the Reason for Pod Failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from migrate.model.migration import VolSyncSpec
from migrate.model.objects import Object, Ref, dig
from migrate.planning.replication import copy_name

SCRIPT = r"""set -eu
export LC_ALL=C
cd /data
phase=$1 number=$2
shift 2
files() {
  status=0
  find . -path ./lost+found -prune -o -type f "$@" 2> /count/wrong || status=$?
  echo "$status" > /count/status
}
look() {
  read -r status < /count/status
  [ "$status" = 0 ] || judge
}
judge() {
  if [ "$phase" = warm ] && awk '
    !/\.\/.*: (No such file or directory|Stale file handle)$/ { other = 1 } END { exit other || !NR }
  ' /count/wrong; then return; fi
  head -c 2000 /count/wrong > /dev/termination-log
  exit 1
}
files -exec stat -c %s {} + | awk '{ bytes += $1; files++ } END { printf "%.0f %.0f\n", bytes, files }' > /count/said
look
if [ "$number" = 0 ]; then
  for path in "$@"; do printf './%s\n' "$path"; done > /count/sample
else
  files ! -path '*[! -~]*' ! -path '*\\*' -print | awk -v most="$number" '
    { for (i = n; i && first[i] > $0; i--) first[i + 1] = first[i]; first[i + 1] = $0; if (n < most) n++ }
    END { for (i = 1; i <= n; i++) print first[i] }
  ' > /count/sample
  look
fi
while IFS= read -r path; do
  if [ -f "$path" ] && [ ! -L "$path" ]; then sha256sum "$path" >> /count/said 2> /count/wrong || judge; fi
done < /count/sample
head -c 4000 /count/said > /dev/termination-log
"""
"""What is run, in any image with a POSIX shell and the usual tools, busybox's among them.

Its words are the phase, how many files to choose for the sample, the first by name, and, with 0, which ones to take. Names
of other than printable ASCII are left out of the sample, as a message is text; a mover keeps lost+found back. In a warm
pass blue's writers are at work: a file that goes between being found and being looked at is no failure then, and whatever
else cannot be read is one in either. No list of names is kept, so that the pod's little memory does for any volume.
"""

RESOURCES: Mapping[str, Mapping[str, str]] = {
    "requests": {"cpu": "50m", "memory": "64Mi"},
    "limits": {"cpu": "1", "memory": "256Mi"},
}
"""A ResourceQuota on any of these refuses a pod that does not say it, on disk it does not; source: Kubernetes, Resource Quotas."""


def pod(
    claim: Ref,
    spec: VolSyncSpec,
    phase: str,
    *,
    paths: Iterable[str] | None,
    beside: Object | None,
    deadline: float,
) -> Object:
    """The counting pod; it samples `paths`, or chooses itself where they are None.

    `beside` is a pod that uses the claim: a volume that one node may have at a time is there.
    """
    chosen = [str(spec.sample)] if paths is None else ["0", *paths]
    mounts = [
        {"name": "data", "mountPath": "/data", "readOnly": True},
        {"name": "count", "mountPath": "/count"},
    ]
    container = {
        "name": "count",
        "image": spec.count_image,
        "command": ["sh", "-c", SCRIPT, "count", phase, *chosen],
        "resources": RESOURCES,
        "securityContext": _confined(spec.run_as_user),
        "terminationMessagePolicy": "FallbackToLogsOnError",
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
