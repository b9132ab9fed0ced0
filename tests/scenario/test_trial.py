"""`rehearse --server`: what green's server would say to each wave is told object by object, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migrate.cli.app import main
from migrate.cli.project import Project
from migrate.engine.runner import Until
from migrate.model.ids import Phase, Side
from migrate.simulation.store import Key
from tests.scenario.blue import CANARY_SPELLINGS
from tests.scenario.endings import bodies
from tests.scenario.hands import CONFIG_MAPS, DEPLOYMENTS, created, deleted, patched
from tests.scenario.moves import Life, run, small_project, world_of

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


def test_a_name_that_is_taken_is_told_as_a_run_would_take_it(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """An object of others under our name stops a run, unless the file says what becomes of it."""
    run(project, REPLAYED)
    deleted(project, Side.GREEN, CONFIG_MAPS, "shop/web")
    created(project, Side.GREEN, CONFIG_MAPS, "shop/web", data={"a": "theirs"})
    said = " ".join(asked(project, capsys, code=30).split())
    assert "ConfigMap shop/web stands on green and is not from this run: differs at data" in said
    assert "1 object that green would refuse" in said
    text = project.file.read_text()
    rule = "{kind: ConfigMap, namespace: shop, name: web, onConflict: skip, reason: theirs}"
    project.file.write_text(text.replace("workloads:\n", f"workloads:\n  rules: [{rule}]\n"))
    said = " ".join(asked(project, capsys).split())
    assert "stands ConfigMap shop/web stands on green and is not from this run" in said


def test_what_changed_on_blue_is_tried_over_what_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value that a server takes would be taken; a field that none may change is refused in its words."""
    project = small_project(tmp_path / "project")
    run(project, REPLAYED)
    patched(project, Side.BLUE, CONFIG_MAPS, "shop/web", {"data": {"since": "then"}})
    counts = json.loads(asked(project, capsys, "-o", "json"))["counts"]
    assert (counts["taken"], counts["refused"]) == (1, 0)
    with world_of(project) as world:
        web = world.cluster(Side.BLUE).get(DEPLOYMENTS, "web", "shop")
    assert web is not None
    labels = {"app": "web", "generation": "two"}
    template = {**web["spec"]["template"], "metadata": {"labels": labels}}
    deleted(project, Side.BLUE, DEPLOYMENTS, "shop/web")
    spec = {**web["spec"], "selector": {"matchLabels": labels}, "template": template}
    created(project, Side.BLUE, DEPLOYMENTS, "shop/web", spec=spec)
    said = " ".join(asked(project, capsys, code=30).split())
    assert "refused Deployment shop/web: " in said
    assert "field is immutable" in said
    # the old one's ReplicaSet is nobody's now: that waits for a word
    assert "undecided ReplicaSet shop/web-" in said
