"""One blue for the moves of a whole test module, which leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cutovers.haproxy_fixture import Balancer
from tests.lab.assets import Assets
from tests.lab.control_plane import ControlPlane
from tests.scenario import real, real_looks


@dataclass(frozen=True)
class StandingBlue:
    """A blue with its application, and that application as it was in the beginning."""

    plane: ControlPlane
    data: Path
    before: dict[str, Any]

    def move(self, folder: Path, green: ControlPlane, balancer: Balancer, **changes: Any) -> real.Move:
        """A move of its own name from this blue; `changes` replace top-level keys of its file."""
        name = folder.name.strip("_").replace("_", "-")[:40].rstrip("-")
        move = real.Move(folder, self.plane, green, balancer, name)
        real.write_file(move, real.migration(move, self.data, **changes))
        return move


@contextmanager
def standing_blue(assets: Assets, data: Path) -> Iterator[StandingBlue]:
    """Start blue once; at the end it must be as it was, and nothing of ours be left there."""
    with ControlPlane(real.BLUE, assets) as plane:
        real.prepare_blue(plane, data, "weave")
        before = real_looks.application(plane)
        yield StandingBlue(plane, data, before)
        real_looks.must_be(real_looks.different(real_looks.application(plane), before), [])
        real_looks.must_be([m for m in real_looks.marks(plane) if not m.startswith("Lease ")], [])
