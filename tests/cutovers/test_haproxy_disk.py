"""HAProxy's state file on a disk that is full: told, and no split is left half made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from migrate.actions.traffic import Weight, weigh
from migrate.cutovers.haproxy import HAProxyTraffic
from migrate.errors import Refused
from migrate.model.action import OutcomeState
from migrate.model.ids import RouteName
from migrate.model.migration import Cutover
from tests.cutovers.clocks import StillClock
from tests.cutovers.haproxy_fixture import Balancer
from tests.engine.mounts import Disk, mounted, needs_root

pytestmark = [pytest.mark.haproxy, needs_root]

SHOP = RouteName("shop")
FULL = r"cannot be saved to .*servers\.state: No space left on device"


def fill(disk: Disk) -> None:
    """Leave no byte free: all of them are in `filler`."""
    with (disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 4096):
            pass
    assert shutil.disk_usage(disk.place).free == 0


class SmallDisk:
    """A small disk with the servers' state on it, which is filled and freed."""

    def __init__(self, disk: Disk) -> None:
        self.state = disk / "servers.state"
        self._disk = disk

    def fill(self) -> None:
        """Leave no byte free."""
        fill(self._disk)

    def free(self) -> None:
        """Make room again."""
        (self._disk / "filler").unlink()

    def saved(self) -> list[str]:
        """The weights of b1, b2, g1 and g2 that a reload would load."""
        rows = [line.split() for line in self.state.read_text().splitlines()]
        return [row[7] for row in rows if len(row) > 7 and row[1] == "shop"]

    def names(self) -> set[str]:
        """What lies on it."""
        return {path.name for path in self.state.parent.iterdir()}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of 256 KiB."""
    with mounted(tmp_path / "disk", "size=256k") as disk:
        yield SmallDisk(disk)


@pytest.fixture
def traffic(balancer: Balancer, small: SmallDisk) -> HAProxyTraffic:
    """The balancer with its state file on that disk, at 5 % on green."""
    part = balancer.cutover().haproxy
    assert part is not None
    kept = part.model_copy(update={"state_file": str(small.state)})
    made = HAProxyTraffic(Cutover(kind="haproxy", haproxy=kept), StillClock())
    made.set(SHOP, 5)
    assert small.saved() == ["95", "95", "5", "5"]
    return made


def test_no_weight_is_raised_that_cannot_be_saved(traffic: HAProxyTraffic, small: SmallDisk) -> None:
    """Refused before the first server; with room the same split is set and saved."""
    small.fill()
    with pytest.raises(Refused, match=FULL):
        traffic.set(SHOP, 50)
    assert traffic.read(SHOP).green == 5
    assert small.saved() == ["95", "95", "5", "5"]
    assert small.names() == {"servers.state", "filler"}
    small.free()
    traffic.set(SHOP, 50)
    assert traffic.read(SHOP).green == 50
    assert small.saved() == ["50", "50", "50", "50"]


def test_the_way_back_is_taken_and_the_stale_file_is_told(traffic: HAProxyTraffic, small: SmallDisk) -> None:
    """All traffic is on blue at once; that a reload would turn some of it to green again is no secret."""
    small.fill()
    (outcome,) = Weight(traffic).act([weigh(SHOP, 0, command="")])
    assert outcome.state is OutcomeState.DONE
    assert traffic.read(SHOP).green == 0
    assert "0 % on green, although: the servers' state cannot be saved" in outcome.evidence
    assert "a reload of HAProxy would take those that the file has" in outcome.evidence
    assert small.saved() == ["95", "95", "5", "5"]
    small.free()
    traffic.set(SHOP, 0)
    assert small.saved() == ["100", "100", "0", "0"]


def test_a_disk_that_fills_up_on_the_way_leaves_the_whole_split(
    traffic: HAProxyTraffic, small: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last server has its weight and the disk is full: the split stands whole, and what is not saved is told."""
    api = traffic._socket
    really = api.set_weight

    def fill_then_set(backend: str, server: str, weight: str) -> None:
        if server == "b2":
            small.fill()
        really(backend, server, weight)

    monkeypatch.setattr(api, "set_weight", fill_then_set)
    (outcome,) = Weight(traffic).act([weigh(SHOP, 50, command="")])
    assert outcome.state is OutcomeState.DONE
    assert "50 % on green, although: the servers' state cannot be saved" in outcome.evidence
    share = traffic.read(SHOP)
    assert (share.green, share.consistent) == (50, True)
    assert small.saved() == ["95", "95", "5", "5"]
