"""Objects that green refuses: all of a wave's are told at once, the rest of it stands, the next wave waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from migrate.cli.commands.status import lines, state
from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.errors import CheckFailed, DoorError, FailedMidway, Forbidden, Invalid, Transient, Unreachable
from migrate.kube.answers import Hiccup
from migrate.model.ids import Phase, Side
from migrate.model.objects import name_of
from migrate.model.progress import Progress
from migrate.simulation.faults import Fuse, Killed
from migrate.steps.refusals import ALIKE
from tests.scenario.blue import CANARY_SPELLINGS
from tests.scenario.hands import CONFIG_MAPS, created, deleted
from tests.scenario.moves import FILE, Life, progress_of, roll_back_to, run, seeded, world_of

_Result = TypeVar("_Result")

BAD = ("bad-1", "bad-2", "bad-3")
REPLAY = Until(phase=Phase.REPLAY)
NOT_BEGUN = ("services", "deployments.apps")
"""Kinds of later waves."""


def because(name: str) -> Invalid:
    """What a policy says."""
    words = f'configmaps "{name}" is forbidden: no such thing here'
    return Invalid(f"create ConfigMap shop/{name}: {words} (403 Forbidden)", status=403, reason="Forbidden")


@dataclass
class Refusing(Fuse):
    """A green that refuses what it is told to; it counts what is created there."""

    names: Sequence[str] = BAD
    error: Callable[[str], DoorError] = because
    created: list[str] = field(default_factory=list)
    refused: int = 0

    def around(self, words: str, call: Callable[[], _Result]) -> _Result:
        """Refuse the named objects; note each create that went through."""
        if words.startswith("write create green "):
            place = words.removeprefix("write create green ")
            if (name := place.partition("/")[2]) in self.names:
                self.refused += 1
                raise self.error(name)
            self.created.append(place)
        return call()


def project_with(tmp_path: Path, names: Sequence[str], more: str = "") -> Project:
    """A move whose blue has these ConfigMaps beside all else."""
    project = seeded(tmp_path / "move", FILE + more)
    for name in names:
        created(project, Side.BLUE, CONFIG_MAPS, f"shop/{name}", data={"a": "b"})
    return project


def refused(project: Project, green: Refusing) -> str:
    """Replay until green's refusals end it with exit 30; what is said."""
    with pytest.raises(CheckFailed) as caught:
        run(project, Life(green, until=REPLAY))
    assert caught.value.exit_code == 30
    assert not progress_of(project).in_doubt()
    return f"{caught.value.message}\n{caught.value.remedy}"


def on_green(project: Project) -> set[str]:
    """The names of the shop's ConfigMaps on green."""
    with world_of(project) as world:
        pages = world.cluster(Side.GREEN).pages(CONFIG_MAPS, namespace="shop")
        return {name_of(o) for page in pages for o in page}


def unaccepted(progress: Progress) -> set[str]:
    """The checks that still say that something was refused."""
    assert progress.plan is not None
    batches = {s.batch for s in progress.plan.steps}
    verdicts = (v for batch in batches for v in progress.verdicts(batch))
    return {v.check for v in verdicts if v.check.startswith("accepted ") and not v.passed}


def test_the_rest_of_the_wave_is_written_and_the_next_one_waits(tmp_path: Path) -> None:
    """Each refused object is told with its words and path; mended, only those are written, and the move goes on."""
    good = [f"good-{n}" for n in range(8)]
    project = project_with(tmp_path, (*BAD, *good))
    green = Refusing()
    said = refused(project, green)
    assert "green refused 3 objects of wave" in said
    for name in BAD:
        assert f'configmaps "{name}" is forbidden: no such thing here' in said
        assert f"/api/v1/namespaces/shop/configmaps/{name}" in said
    assert "skip: true" in said
    assert {"web", *good} <= on_green(project)
    assert not on_green(project) & set(BAD)
    assert not [place for place in green.created if place.startswith(NOT_BEGUN)]
    assert {f"accepted ConfigMap shop/{name}" for name in BAD} < unaccepted(progress_of(project))
    found = state(project, progress_of(project))
    assert sum("no such thing here" in line for line in found["refused"]) == 3
    assert [line for line in lines(found) if line.startswith("refused ")]

    mended = Refusing(names=())
    assert not run(project, Life(mended, until=REPLAY))
    assert set(BAD) <= on_green(project)
    assert not [place for place in mended.created if "/good-" in place]
    assert not unaccepted(progress_of(project))
    assert run(project)


@dataclass
class Dying(Refusing):
    """The same, and the runner is killed at the n-th write of the journal after the last refusal."""

    at: int = 1
    dead: bool = False

    def around(self, words: str, call: Callable[[], _Result]) -> _Result:
        """Count the journal's writes once all was refused."""
        if words.startswith("journal ") and self.refused == len(self.names):
            self.calls.append(words)
        if self.dead or len(self.calls) == self.at:
            self.dead = True
            raise Killed
        return super().around(words, call)


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_runner_killed_among_refusals_tells_them_all_the_same(at: int, tmp_path: Path) -> None:
    """Before the outcomes, before what is told, and in the middle of it: the next run has the same to say."""
    project = project_with(tmp_path, BAD)
    with pytest.raises(Killed):
        run(project, Life(Dying(at=at), until=REPLAY))
    said = refused(project, Refusing())
    assert all(f"/api/v1/namespaces/shop/configmaps/{name}" in said for name in BAD)
    assert run(project)


def test_stop_ends_at_the_first_batch(tmp_path: Path) -> None:
    """With `onRefusal: stop` the wave ends where something was refused, and says that it was not tried whole."""
    project = project_with(tmp_path, BAD, "  onRefusal: stop\n")
    assert "the rest of it was not tried" in refused(project, Refusing())


def test_many_alike_are_not_tried_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty refusals for one cause end the wave: what else would be refused just so is not sent."""
    monkeypatch.setattr("migrate.steps.replay_objects.TOGETHER", 20)
    many = [f"no-{n:03}" for n in range(ALIKE + 70)]
    project = project_with(tmp_path, many)
    asked: list[str] = []

    def noted(name: str) -> DoorError:
        asked.append(name)
        return because(name)

    said = refused(project, Refusing(names=many, error=noted))
    assert ALIKE <= len(asked) < ALIKE + 40
    assert "and " in said
    assert " more" in said
    assert run(project)


def test_what_moves_no_more_is_refused_no_more(tmp_path: Path) -> None:
    """Where the object is gone from blue the run goes on, and no check says any more that it was refused."""
    project = project_with(tmp_path, BAD[:1])
    refused(project, Refusing())
    deleted(project, Side.BLUE, CONFIG_MAPS, f"shop/{BAD[0]}")
    assert not run(project, Life(until=REPLAY))
    assert not unaccepted(progress_of(project))


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (Forbidden('User "x" cannot create configmaps', status=403), CheckFailed),
        (Transient("too many requests"), CheckFailed),
        (Unreachable("no answer"), FailedMidway),
    ],
    ids=["right", "overload", "lost"],
)
def test_what_is_not_the_objects_own_ends_the_run_at_once(
    error: DoorError, ends: type[Exception], tmp_path: Path
) -> None:
    """A missing right, an overload or a lost server is no refusal of an object: nothing is gathered, no wave told."""
    project = project_with(tmp_path, BAD)

    class Lost(Refusing):
        def around(self, words: str, call: Callable[[], _Result]) -> _Result:
            if isinstance(error, Unreachable) and words.startswith("read green configmaps shop/"):
                raise error
            return super().around(words, call)

    with pytest.raises(ends):
        run(project, Life(Lost(error=lambda _: error), until=REPLAY))
    assert not unaccepted(progress_of(project))
    assert run(project)


def test_a_webhook_that_cannot_be_asked_refuses_its_objects_alone(tmp_path: Path) -> None:
    """What it does not match goes on; the server's words name it."""
    project = project_with(tmp_path, BAD)
    said = refused(project, Refusing(error=lambda n: Hiccup(f'{n}: failed calling webhook "w"')))
    assert said.count('failed calling webhook "w"') >= len(BAD)
    assert "web" in on_green(project)
    assert run(project)


def test_a_refused_namespace_is_not_waited_for(tmp_path: Path) -> None:
    """The refusal is told before the wait that it makes vain, and nothing is sent into that namespace."""
    project = project_with(tmp_path, ())
    green = Refusing(names=("back",), error=lambda n: Invalid(f"namespaces {n}: not here", status=422))
    said = refused(project, green)
    assert "/api/v1/namespaces/back" in said
    assert not [place for place in green.created if "back/" in place]
    assert "namespaces /shop" in green.created
    assert run(project)


def test_a_refused_secret_shows_no_value(tmp_path: Path) -> None:
    """Neither what is said nor the journal holds anything of a refused Secret's value."""
    project = project_with(tmp_path, ())
    green = Refusing(names=("api-token",), error=lambda n: Invalid(f"Secret {n}: fields: data", status=422))
    said = refused(project, green)
    assert "/api/v1/namespaces/shop/secrets/api-token" in said
    journal = project.journal.read_bytes().decode("utf-8", "replace")
    assert not [s for s in CANARY_SPELLINGS if s in said or s in journal]


def test_a_wave_with_refusals_is_taken_back_whole(tmp_path: Path) -> None:
    """The way back from a refusal leaves nothing of the wave on green."""
    project = project_with(tmp_path, BAD)
    refused(project, Refusing())
    roll_back_to(project, Phase.BUILD)
    assert "web" not in on_green(project)
    assert not unaccepted(progress_of(project))
    assert run(project)
