"""What the way back leaves standing: a volume's data, and whatever others have put beside ours."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from migrate.actions.retain import kept
from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.engine.undo import roll_back, way_back
from migrate.errors import ForeignObject
from migrate.model.entry import Draft, EntryKind
from migrate.model.ids import Phase, Side
from migrate.model.objects import Object, dig, kind_of, name_of, namespace_of
from migrate.simulation.faults import Killed
from tests.scenario.endings import bodies
from tests.scenario.hands import CONFIG_MAPS, created, deleted
from tests.scenario.looks import Watching
from tests.scenario.moves import (
    Death,
    Life,
    copied,
    entries_of,
    everything,
    opened,
    progress_of,
    roll_back_to,
    run,
    world_of,
)


@pytest.fixture
def copies(tmp_path: Path) -> Callable[[Project], Project]:
    """Copies a project as it stands, as often as wanted."""
    numbers = count()
    return lambda project: copied(project, tmp_path / f"copy-{next(numbers)}")


def of_green(project: Project, kind: str) -> list[Object]:
    """Green's objects of a kind, once its controllers have done what they would."""
    with world_of(project) as world:
        world.clock().sleep(60)
        return [o for o in bodies(world, Side.GREEN) if kind_of(o) == kind]


def volumes(project: Project) -> dict[str, tuple[str, str]]:
    """Green's volumes: the claim of each, with its policy and its phase."""
    return {
        str(dig(o, "spec", "claimRef", "name")): (
            o["spec"]["persistentVolumeReclaimPolicy"],
            o["status"]["phase"],
        )
        for o in of_green(project, "PersistentVolume")
    }


def through(project: Project, phase: Phase) -> None:
    """Run to the end of a phase; green's worker has its volume then, whose policy is Delete."""
    run(project, Life(until=Until(phase=phase)))
    assert volumes(project) == {"work": ("Delete", "Bound")}


# --- a volume's data ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [Phase.REPLAY, Phase.SOAK])
def test_a_rollback_keeps_the_volumes_of_the_claims_that_it_deletes(project: Project, phase: Phase) -> None:
    """Also what green's writers wrote since: the volume stays, Released, and the operator is told which it is."""
    through(project, phase)
    roll_back_to(project, Phase.BUILD)
    assert of_green(project, "PersistentVolumeClaim") == []
    assert volumes(project) == {"work": ("Retain", "Released")}
    (told,) = kept(progress_of(project))
    assert "of claim back/work keeps its data: Retain instead of Delete" in told


def test_nothing_else_would_keep_them(project: Project) -> None:
    """Without it the same way back ends without the volume: this world's controllers delete it with its claim."""
    through(project, Phase.REPLAY)
    with opened(project) as begun:
        way = way_back(begun.plan, begun.scene.progress, Phase.BUILD)
        roll_back(way, begun.acting, begun.plan, accept_data_loss=True)
    assert volumes(project) == {}


RETAIN = "write patch green persistentvolumes"
CLAIM = "write delete green persistentvolumeclaims"


def wounds(project: Project) -> list[int]:
    """The calls, counted from the first, from just before the volume is kept to just after its claim is deleted."""
    watch = Watching()
    roll_back_to(project, Phase.BUILD, Life(watch))
    first = next(n for n, words in enumerate(watch.seen, 1) if words.startswith(RETAIN))
    last = next(n for n, words in enumerate(watch.seen, 1) if words.startswith(CLAIM))
    assert first < last
    return [first, first + 1, first + 2, (first + last) // 2, last]


@pytest.mark.parametrize("after", [False, True])
def test_a_rollback_that_is_killed_between_keeping_and_deleting_keeps(
    project: Project, copies: Callable[[Project], Project], *, after: bool
) -> None:
    """Wherever it is cut off, before a call or behind its effect, the resumed one finds the volume kept or keeps it."""
    through(project, Phase.REPLAY)
    for at in wounds(copies(project)):
        broken = copies(project)
        with pytest.raises(Killed):
            roll_back_to(broken, Phase.BUILD, Life(Death(at, after=after, only=everything)))
        roll_back_to(broken, Phase.BUILD)
        assert of_green(broken, "PersistentVolumeClaim") == []
        assert volumes(broken) == {"work": ("Retain", "Released")}
        assert len(list(kept(progress_of(broken)))) == 1


# --- what others put beside ours ---------------------------------------------------------------------------------


def foreign(project: Project) -> Any:
    """The other team's object, as it stands."""
    found = [o for o in of_green(project, "ConfigMap") if name_of(o) == "theirs"]
    return found[0] if found else None


def spaces(project: Project) -> set[str]:
    """Which of the application's namespaces stand on green."""
    return {name_of(o) for o in of_green(project, "Namespace")} & {"shop", "back"}


def in_the_way(project: Project) -> ForeignObject:
    """Roll back into the other team's object."""
    with pytest.raises(ForeignObject) as caught:
        roll_back_to(project, Phase.BUILD)
    return caught.value


def test_a_namespace_with_an_object_of_others_stays(project: Project) -> None:
    """The rest of ours goes, the rollback ends with exit 33 and its name; once it is moved, the next one ends."""
    through(project, Phase.REPLAY)
    created(project, Side.GREEN, CONFIG_MAPS, "shop/theirs", data={"k": "v"})
    before = foreign(project)
    error = in_the_way(project)
    assert error.exit_code == 33
    assert "Namespace shop contains what this run did not make" in error.message
    assert "ConfigMap shop/theirs" in error.message
    assert foreign(project)["metadata"]["uid"] == before["metadata"]["uid"]
    assert spaces(project) == {"shop"}
    assert [
        namespace_of(o) for o in of_green(project, "Deployment") if namespace_of(o) in {"shop", "back"}
    ] == []
    assert "ConfigMap shop/theirs" in in_the_way(project).message  # still there, still in the way
    deleted(project, Side.GREEN, CONFIG_MAPS, "shop/theirs")
    roll_back_to(project, Phase.BUILD)
    assert spaces(project) == set()


def test_a_person_may_leave_it_standing(project: Project) -> None:
    """Once that is said of the act in doubt, the way back goes on past the namespace, to its end."""
    through(project, Phase.REPLAY)
    created(project, Side.GREEN, CONFIG_MAPS, "shop/theirs", data={"k": "v"})
    in_the_way(project)
    with opened(project) as begun:
        (doubt,) = begun.scene.progress.in_doubt()
        assert doubt.action.key.endswith("delete green Namespace shop")
        outcome = {"state": "adopted", "evidence": "done, by a person"}
        begun.acting.write(
            [Draft(EntryKind.OUTCOME, {"intent": doubt.seq, "outcome": outcome}, key=str(doubt.seq))]
        )
    roll_back_to(project, Phase.BUILD)
    assert spaces(project) == {"shop"}
    assert foreign(project) is not None
    assert way_back(progress_of(project).plan, progress_of(project), Phase.BUILD).steps == ()  # type: ignore[arg-type]


# --- in which order ----------------------------------------------------------------------------------------------


def test_the_last_pod_is_gone_before_what_it_lives_on(project: Project) -> None:
    """At each moment of the way back a pod of the application has its Services, and the policies that selected it."""
    run(project, Life(until=Until(phase=Phase.VERIFY)))
    bare: list[str] = []
    sent: list[str] = []

    def look(words: str) -> None:
        if not words.startswith("write delete green"):
            return
        sent.append(words)
        if "networkpolicies" in words or "services" in words:
            with world_of(project) as world:
                pods = [o for o in bodies(world, Side.GREEN) if kind_of(o) == "Pod"]
            bare.extend(name_of(p) for p in pods if namespace_of(p) in {"shop", "back"})

    roll_back_to(project, Phase.BUILD, Life(Watching(before=look)))
    assert any("networkpolicies" in words for words in sent)
    assert bare == []


def test_waves_go_backwards(project: Project) -> None:
    """The deletes of the replayed objects are journalled from the last wave to the first."""
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    roll_back_to(project, Phase.BUILD)
    intents = {e.seq: e for e in entries_of(project) if e.kind is EntryKind.INTENT}
    undone = [intents[int(e.data["undoes"])] for e in intents.values() if e.data.get("undoes")]
    waves = [e.data["action"]["params"]["wave"] for e in undone if e.data["action"]["kind"] == "create"]
    assert len(set(waves)) > 4
    assert waves == sorted(waves, reverse=True)
