"""What a person would type to have a claim's data copied, by a program or by VolSync."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from migrate.model.migration import Migration, VolSyncSpec
from migrate.model.objects import Ref
from migrate.planning.commands import word
from migrate.planning.copying import end, request
from migrate.planning.replication import GROUP, copy_name, destination, source


def by_program(written: Migration, claim: Ref, command: Sequence[str], name: str, phase: str) -> str:
    """The program with what it is told, on its input; the contract is docs/mover-command.md."""
    blue, green = written.blue, written.green.provisioner
    here = end(blue.kubeconfig, blue.context, claim)
    there = end(green.kubeconfig, green.context, claim)
    asked = request("copy", name, phase, source=here, target=there)
    return f"echo {shlex.quote(json.dumps(asked))} | {' '.join(map(word, command))}"


def by_volsync(claim: Ref, spec: VolSyncSpec, trigger: str, bound: str, *, blue: str, green: str) -> str:
    """VolSync's two objects with the key between them, what to wait for, and taking them away; `blue` is its kubectl.

    Both ends are then counted by hand: VolSync does not.
    """
    name, where = copy_name(claim), f"-n {word(claim.namespace)}"
    listener, sender = (
        f"{kind}.{GROUP} {name} {where}" for kind in ("replicationdestination", "replicationsource")
    )
    status = f"{green} get {listener} -o jsonpath={{.status.rsyncTLS"
    renamed = f'{{apiVersion, kind, data, metadata: {{name: "{name}", namespace: .metadata.namespace}}}}'
    sending = json.dumps(source(claim, trigger, spec, address="ADDRESS"))
    done = f"--for=jsonpath='{{.status.lastManualSync}}'={trigger} {bound}"
    return "\n".join(
        [
            f"echo {shlex.quote(json.dumps(destination(claim, trigger, spec)))} | {green} apply -f -",
            f"{green} wait --for=jsonpath='{{.status.rsyncTLS.address}}' {listener} --timeout=10m",
            f'{green} get secret "$({status}.keySecret}})" {where} -o json | jq {shlex.quote(renamed)} | {blue} apply -f -',
            f'echo {shlex.quote(sending)} | sed "s/ADDRESS/$({status}.address}})/" | {blue} apply -f -',
            f"{blue} wait {done} {sender} && {green} wait {done} {listener}",
            taken_away(claim, blue=blue, green=green),
        ]
    )


def taken_away(claim: Ref, *, blue: str, green: str) -> str:
    """Delete what was made to copy a claim by VolSync, on both sides; what was copied stays."""
    name, where = copy_name(claim), f"-n {word(claim.namespace)} --ignore-not-found"
    return "\n".join(
        f"{kubectl} delete {kind}.{GROUP}/{name} pod/{name}{more} {where}"
        for kubectl, kind, more in (
            (blue, "replicationsource", f" secret/{name}"),
            (green, "replicationdestination", ""),
        )
    )
