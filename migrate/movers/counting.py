"""What a counting pod (`planning.counting`) says, and where it has to be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from migrate.doors.mover import Amount, Sample
from migrate.errors import Refused
from migrate.model.objects import Object, Ref, dig

_SUM = re.compile(r"([0-9a-f]{64})  \./(.+)")
_GIVES_UP = frozenset(
    {"ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "ErrImageNeverPull"}
)
"""Why a container waits that will not start by itself; source: the kubelet's reasons."""
_SHOWN = 500


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
