"""A runner that dies with hundreds of acts in doubt: they are read by the pages of a list, not one by one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrate.engine.runner import Until
from migrate.model.ids import Phase, Side
from migrate.simulation.faults import Fuse, Killed
from tests.scenario.hands import CONFIG_MAPS, created
from tests.scenario.moves import Death, Life, progress_of, roll_back_to, run, seeded, world_of

MANY = 450
A_HANDFUL = 10
"""What stands beside them in other namespaces may be read by itself."""

REPLAY = Until(phase=Phase.REPLAY)


@dataclass
class DyingWithDoubts(Death):
    """A process that is killed as it would record the first outcomes behind so many writes of a sort."""

    sort: str = "write create green configmaps"
    behind: int = 200

    def around(self, words: str, call: Any) -> Any:
        """Count the writes, and be killed at the journal."""
        if not self.dead and words.startswith(self.sort):
            self.behind -= 1
        if not self.dead and self.behind <= 0 and words == "journal outcome":
            self.dead = True
            raise Killed
        return super().around(words, call)


class Looking(Fuse):
    """What is read and written of ConfigMaps on green."""

    def __init__(self) -> None:
        super().__init__(only=lambda words: " green configmaps" in words)

    def each(self) -> int:
        """How many were read one by one."""
        return sum(words.startswith("read green configmaps ") for words in self.calls)


def test_creates_in_doubt_are_read_by_pages_and_created_once(tmp_path: Path) -> None:
    """Nothing is created or deleted twice, and as good as nothing is read by itself."""
    project = seeded(tmp_path / "move")
    for number in range(MANY):
        created(project, Side.BLUE, CONFIG_MAPS, f"shop/many-{number}", data={"n": str(number)})
    with suppress(Killed):
        run(project, Life(DyingWithDoubts(at=0, only=lambda _: False), until=REPLAY))
    doubts = progress_of(project).in_doubt()
    assert len(doubts) >= 200
    fuse = Looking()
    run(project, Life(fuse, until=REPLAY))
    assert fuse.each() <= A_HANDFUL
    assert not progress_of(project).in_doubt()
    with world_of(project) as world:
        made = [
            n for key, n in world.effects().items() if key.startswith("create green configmaps shop/many-")
        ]
    assert made == [1] * MANY

    # the way back, cut off in the same manner
    dying = DyingWithDoubts(at=0, only=lambda _: False, sort="write delete green configmaps")
    with suppress(Killed):
        roll_back_to(project, Phase.BUILD, Life(dying))
    assert len(progress_of(project).in_doubt()) >= 200
    back = Looking()
    roll_back_to(project, Phase.BUILD, Life(back))
    assert back.each() <= A_HANDFUL
    with world_of(project) as world:
        gone = [
            n for key, n in world.effects().items() if key.startswith("delete green configmaps shop/many-")
        ]
    assert gone == [1] * MANY
