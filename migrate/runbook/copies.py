"""What a person would type to have a claim's data copied, by a program or by VolSync."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence

from migrate.model import marks
from migrate.model.migration import Migration, VolSyncSpec
from migrate.model.objects import Object, Ref, metadata_of
from migrate.planning.commands import word
from migrate.planning.copying import end, request
from migrate.planning.counting import pod
from migrate.planning.replication import GROUP, MOVER, copy_name, destination, key, mover_pods, source

_REACHED = ".spec.rsyncTLS += ($at | {address, port} | map_values(select(. != null)))"
"""Blue's end, with what green's status says of itself; it names no port where that is VolSync's own."""

_BESIDE = (
    "[.items[] | select(.spec.nodeName and any(.spec.volumes[]?; .persistentVolumeClaim.claimName? == $claim) "
    'and (.status.phase | IN("Succeeded", "Failed") | not))] | min_by(.metadata.name).spec as $beside | $pod '
    "| if $beside then .spec += {nodeName: $beside.nodeName, tolerations: ($beside.tolerations // [])} else . end"
)
"""The counting pod on the node of a pod that uses the claim, where there is one among those that are read."""

_THESE = '.spec.containers[0].command |= (.[-1] = "0" | . + $paths)'
"""The counting pod with the very files of blue's sample in the place of a choice of its own."""

_PATHS = '[inputs | capture("^[0-9a-f]{64}  [.]/(?<path>.+)$").path]'
"""The files that a counting pod has told the checksums of."""

_JUDGED = {
    "warm": "green's are not 0 0 where blue's are not",
    "final": "green's are blue's; files that it has more of are deletions which were not carried over",
}


def by_program(written: Migration, claim: Ref, command: Sequence[str], name: str, phase: str) -> str:
    """The program with what it is told, on its input; the contract is docs/mover-command.md."""
    blue, green = written.blue, written.green.provisioner
    here = end(blue.kubeconfig, blue.context, claim)
    there = end(green.kubeconfig, green.context, claim)
    asked = request("copy", name, phase, source=here, target=there)
    return f"echo {shlex.quote(json.dumps(asked))} | {' '.join(map(word, command))}"


def by_volsync(
    claim: Ref, spec: VolSyncSpec, trigger: str, phase: str, deadline: float, *, blue: str, green: str
) -> str:
    """What a pass of the tool's makes, in its order: VolSync's two objects with the key between them, and pods that count.

    `trigger` names the pass, `blue` and `green` are the kubectl of each side. All is created, and nothing applied: what
    stands already is of another pass, and an apply would copy the key into an annotation.
    """
    name, where = copy_name(claim), f"-n {word(claim.namespace)}"
    listener, sender = (
        f"{kind}.{GROUP} {name} {where}" for kind in ("replicationdestination", "replicationsource")
    )
    told = f"{green} wait --for=jsonpath='{{.status.rsyncTLS.%s}}' {listener} --timeout=10m"
    done = f"--for=jsonpath='{{.status.lastManualSync}}'={trigger} {_bound(deadline)}"
    listens = json.dumps(_marked(destination(claim, trigger, spec), trigger))
    sends = json.dumps(_marked(source(claim, trigger, spec, address="ADDRESS"), trigger))
    metadata = _marked(key(claim, ""), trigger)["metadata"]
    renamed = f"{{apiVersion, kind, type, data, metadata: {json.dumps(metadata)}}}"
    named = '"$(echo "$at" | jq -r .keySecret)"'
    return "\n".join(
        [
            f"echo {shlex.quote(listens)} | {green} create -f -",
            f"{told % 'address'} && {told % 'keySecret'}",
            f"at=$({green} get {listener} -o json | jq -c .status.rsyncTLS)",
            f"{green} get secret {named} {where} -o json | jq {shlex.quote(renamed)} | {blue} create -f -",
            f"""echo {shlex.quote(sends)} | jq --argjson at "$at" {shlex.quote(_REACHED)} | {blue} create -f -""",
            f"{blue} wait {done} {sender} && {green} wait {done} {listener}",
            *_counted(claim, spec, trigger, phase, deadline, blue=blue, green=green),
            taken_away(claim, blue=blue, green=green),
        ]
    )


def _counted(
    claim: Ref, spec: VolSyncSpec, trigger: str, phase: str, deadline: float, *, blue: str, green: str
) -> Iterator[str]:
    """Count blue, and then on green with the very files that blue's sample is of."""
    name, where = copy_name(claim), f"-n {word(claim.namespace)}"
    body = _marked(pod(claim, spec, phase, paths=None, beside=None, deadline=deadline), trigger)

    def said(kubectl: str, change: str, given: str = "") -> str:
        shaped = f'jq --arg claim {word(claim.name)} --argjson pod "$pod" {given}{shlex.quote(change)}'
        ended = f"--for=jsonpath='{{.status.phase}}'=Succeeded {_bound(deadline)}"
        message = "jsonpath='{.status.containerStatuses[0].state.terminated.message}'"
        lines = (
            f"{kubectl} get pods {where} -o json | {shaped} | {kubectl} create -f - > /dev/null",
            f"{kubectl} wait {ended} pod/{name} {where} > /dev/null",
            f"{kubectl} get pod/{name} {where} -o {message}",
        )
        return f"$({' && '.join(lines)})"

    yield f"pod={shlex.quote(json.dumps(body))}"
    yield f"here={said(blue, _BESIDE)}"
    paths = f"""--argjson paths "$(echo "$here" | jq -cRn {shlex.quote(_PATHS)})" """
    yield f"there={said(green, f'{_BESIDE} | {_THESE}', paths)}"
    shown = r"""printf 'blue  %s\n\ngreen %s\n' "$here" "$there" """
    yield f"{shown}  # bytes and files, then checksums: {_JUDGED[phase]}"


def taken_away(claim: Ref, *, blue: str, green: str) -> str:
    """Delete what was made to copy a claim by VolSync, on both sides, and see it off; what was copied stays."""
    name, where = copy_name(claim), f"-n {word(claim.namespace)}"
    sends, takes = mover_pods(claim)
    return "\n".join(
        line
        for kubectl, kind, label, more in (
            (blue, "replicationsource", sends, f" secret/{name}"),
            (green, "replicationdestination", takes, ""),
        )
        for line in (
            f"{kubectl} delete {kind}.{GROUP}/{name} pod/{name}{more} {where} --ignore-not-found",
            f"{kubectl} get pods {where} -l {MOVER}={label} -o name   # until it prints nothing",
        )
    )


def _marked(body: Object, trigger: str) -> Object:
    """An object with the pass it is for: by that a replay leaves it out; by no run, as none of the tool's made it."""
    return {**body, "metadata": {**metadata_of(body), "annotations": {marks.PASS: trigger}}}


def _bound(deadline: float) -> str:
    return f"--timeout={deadline:g}s"
