"""How much a rehearsal proves, step by step: verified, checked by a server, assumed, or not checkable and why."""

from __future__ import annotations

from collections.abc import Mapping

from migrate.model.ids import StepId

VERIFIED = "verified against blue as it is"
ASSUMED = "assumed"

_GRADES: Mapping[str, str] = {
    "assess.sides": VERIFIED,
    "prepare.snapshot": "verified: every object was read; files were written to the rehearsal's state",
    "prepare.freeze": f"{VERIFIED}; the pause itself is {ASSUMED}",
    "build.provision": "not checkable: making green has no dry run",
    "build.calico": f"{ASSUMED}: manifests were read and validated, the simulated API server took them",
    "replay.objects": f"every object decided from blue as it is; that green takes it is {ASSUMED} (simulated API server)",
    "start.serving": "not checkable: no container ran",
    "verify.green": f"{ASSUMED}: parity was computed on the simulated green",
    "verify.routes": "not checkable: no packet was sent",
    "cutover.begin": VERIFIED,
    "cutover.ramp": f"{ASSUMED}: simulated balancer and clients",
    "cutover.full": f"{ASSUMED}: simulated balancer and clients",
    "cutover.writers": f"order verified, stopping and starting {ASSUMED}",
    "cutover.switch": f"{ASSUMED}: simulated balancer and clients",
    "cutover.release": ASSUMED,
    "soak.watch": "not checkable: time was simulated",
    "finish.clean": ASSUMED,
}


def grade(step: StepId, *, real: bool) -> str:
    """The grade of a rehearsed step; on a simulated blue nothing is verified against anything real."""
    found = _GRADES.get(step, "not checkable")
    return found if real else found.replace(VERIFIED, "verified against the simulated blue")
