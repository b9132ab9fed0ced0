"""Back from each phase on real control planes, and forward again."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.model.ids import Phase
from tests.lab.fixtures import ControlPlaneFactory
from tests.scenario import real, real_looks

pytestmark = pytest.mark.haproxy

PHASES = tuple(Phase)
LOSSY = (Phase.CUTOVER, Phase.SOAK, Phase.FINISH)
"""Phases behind which green's writers have written."""


def test_every_phase_is_gone_back_over_and_forward_again(
    control_plane_factory: ControlPlaneFactory, test_data: Path, tmp_path: Path
) -> None:
    """Phase by phase one back and one forward to the very end; then everything back, and both sides are as before."""
    with real.ready(control_plane_factory, test_data, tmp_path) as move:
        before = real_looks.application(move.blue)
        for earlier, phase in zip((None, *PHASES), PHASES, strict=False):
            move.go("--until", phase)
            to = ("--to", earlier) if earlier else ()
            loss = ("--accept-data-loss",) if phase is Phase.CUTOVER else ()
            move.must("rollback", *to, *loss)  # and forward again on the way to the next phase
        move.go()
        real_looks.at_finish(move, before)
        move.must("rollback", "--accept-data-loss")
        real_looks.as_before(move, before)


@pytest.mark.slow
@pytest.mark.parametrize("phase", PHASES)
def test_a_move_is_taken_back_whole_from_any_phase_and_made_again(
    phase: Phase, control_plane_factory: ControlPlaneFactory, test_data: Path, tmp_path: Path
) -> None:
    """From the end of a phase back to nothing, and from there to the end."""
    with real.ready(control_plane_factory, test_data, tmp_path) as move:
        before = real_looks.application(move.blue)
        move.go("--until", phase)
        move.must("rollback", *(("--accept-data-loss",) if phase in LOSSY else ()))
        real_looks.as_before(move, before)
        move.go()
        real_looks.at_finish(move, before)
