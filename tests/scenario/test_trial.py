"""`rehearse --server`: what green's server would say to each wave is told object by object, and nothing is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migrate.cli.app import main
from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.model.ids import Phase, Side
from migrate.simulation.store import Key
from tests.scenario.blue import CANARY_SPELLINGS
from tests.scenario.endings import bodies
from tests.scenario.moves import Life, run, world_of

BUILT = Life(until=Until(phase=Phase.BUILD))
REPLAYED = Life(until=Until(phase=Phase.REPLAY))


def asked(project: Project, capsys: pytest.CaptureFixture[str], *more: str, code: int = 0) -> str:
    """What the command prints; it must leave green as it was."""
    with world_of(project) as world:
        before = list(bodies(world, Side.GREEN))
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["rehearse", "--server", "-f", str(project.file), *more])
    assert int(ended.value.code or 0) == code
    with world_of(project) as world:
        assert list(bodies(world, Side.GREEN)) == before
    said = capsys.readouterr()
    assert not any(spelling in said.out + said.err for spelling in CANARY_SPELLINGS)
    return said.out + said.err if not more else said.out


def spoilt(project: Project) -> None:
    """Give a ConfigMap of blue a key that no server takes, as an older one may have."""
    key = Key("blue", "", "configmaps", "shop", "web")
    with world_of(project) as world, world.store.transaction():
        found = world.store.get(key)
        assert found is not None
        rv = str(world.store.next_number("revision"))
        bad = {**found, "data": {"a key": "b"}, "metadata": {**found["metadata"], "resourceVersion": rv}}
        world.store.put(key, bad, before=found)


def test_without_a_green_it_says_how_to_come_by_one(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 30, and the command that makes green."""
    assert "cnimigrate run --until build" in asked(project, capsys, code=30)


def test_on_a_green_without_namespaces_fields_are_checked_all_the_same(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """What has no namespace yet is tried in another, and the screen says what that does not check."""
    run(project, BUILT)
    said = asked(project, capsys)
    assert "wave 1  Namespaces: 2 would be taken" in said
    assert "tried in namespace default, as their own do not stand yet" in " ".join(said.split())
    assert "refused" not in said


def test_a_refusal_has_the_server_s_words_and_exit_30(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """One object is refused; the others are told as ever, and as JSON each has its answer."""
    run(project, BUILT)
    spoilt(project)
    said = asked(project, capsys, code=30)
    assert "refused  ConfigMap shop/web: " in said
    assert "a valid config key" in " ".join(said.split())
    found: dict[str, Any] = json.loads(asked(project, capsys, "-o", "json", code=30))
    assert found["counts"]["refused"] == 1
    refused = [o for o in found["objects"] if o["said"] == "refused"]
    assert refused[0]["object"]["name"] == "web"
    assert refused[0]["path"] == "/api/v1/namespaces/default/configmaps/web"
    assert found["counts"]["taken"] > 10


def test_what_was_replayed_stands_already(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is left to try, and a name that is taken is no refusal."""
    run(project, REPLAYED)
    found = json.loads(asked(project, capsys, "-o", "json"))
    assert found["counts"]["refused"] == found["counts"]["taken"] == 0
    assert found["counts"]["stands"] > 10
