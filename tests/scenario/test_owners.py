"""What owned something on blue owns it on green: killed in the middle, resumed, and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from migrate.cli.project import Project
from migrate.cli.wiring import wired
from migrate.engine.runner import Until
from migrate.errors import CheckFailed
from migrate.model.ids import Phase, Side
from migrate.model.objects import Object, Ref, Resource, dig, ref_of
from migrate.simulation.faults import Killed
from migrate.steps.delta import upcoming
from tests.scenario.endings import bodies
from tests.scenario.hands import CONFIG_MAPS, created, deleted, once_done, patched
from tests.scenario.moves import (
    FILE,
    Death,
    Life,
    amended,
    copied,
    effects_only,
    opened,
    progress_of,
    roll_back_to,
    run,
    small_project,
    world_of,
)

PARENT = Ref("", "ConfigMap", "shop", "parent")
CHILDREN = [Ref("", "Secret", "shop", f"child-{n}") for n in range(3)]
CRON = Ref("batch", "CronJob", "back", "nightly")
SECRETS = Resource("", "v1", "secrets", "Secret", namespaced=True)
POLICIES = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", namespaced=True)
LATE = Ref("", "ConfigMap", "back", "nightly-settings")


def owned(ref: Ref, owner: Object, **more: object) -> Object:
    """An object of blue that another one owns without controlling it."""
    named = {k: owner["metadata"][k] for k in ("name", "uid")}
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], **named, **more}
    metadata = {"name": ref.name, "namespace": ref.namespace, "ownerReferences": [reference]}
    return {"apiVersion": "v1", "kind": ref.kind, "metadata": metadata}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A move that was not begun, of a blue with owners: one that moves early, one that is made at the cutover."""
    project = small_project(tmp_path_factory.mktemp("owners") / "fresh")
    file = project.file.with_name("blue.yaml")
    objects = [o for o in yaml.safe_load_all(file.read_text()) if o]
    cron = next(o for o in objects if ref_of(o) == CRON)
    cron["metadata"]["uid"] = "blue-cron"
    parent = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "parent", "namespace": "shop", "uid": "blue-parent"}}  # fmt: skip
    objects += [parent, *(owned(ref, parent, blockOwnerDeletion=True) for ref in CHILDREN), owned(LATE, cron)]
    file.write_text(yaml.safe_dump_all(objects))
    with wired(project):
        pass
    return project


@pytest.fixture
def project(begun: Project, tmp_path: Path) -> Project:
    """A move of the test's own."""
    return copied(begun, tmp_path / "move")


def owners(project: Project) -> dict[Ref, list[tuple[str, bool]]]:
    """The owners of green's objects that no controller has, and whether each is there under that UID."""
    with world_of(project) as world:
        green = {ref_of(o): o for o in bodies(world, Side.GREEN)}
    uids = {dig(o, "metadata", "uid") for o in green.values()}
    found = {ref: dig(o, "metadata", "ownerReferences", default=()) for ref, o in green.items()}
    return {
        ref: [(o["name"], o["uid"] in uids) for o in references]
        for ref, references in found.items()
        if references and not any(o.get("controller") for o in references)
    }


LINKED = {ref: [("parent", True)] for ref in CHILDREN}


def test_owners_get_their_uids_on_green_and_late_ones_at_the_cutover(project: Project) -> None:
    """After the replay what stands is linked; what is made at the cutover owns its objects from then on."""
    assert not run(project, Life(until=Until(phase=Phase.REPLAY)))
    assert owners(project) == LINKED
    said = progress_of(project).of_key("record owner references")
    assert said is not None
    assert said.outcome is not None
    assert said.outcome.evidence == "3 stand with green's own UIDs; 1 of what is made at the cutover"
    assert run(project)
    assert owners(project) == {**LINKED, LATE: [("nightly", True)]}


def kills() -> Iterator[tuple[int, bool]]:
    """The writes of links, cut off before and behind their effect."""
    return ((at, after) for at in range(1, 4) for after in (False, True))


@pytest.mark.parametrize(("at", "after"), list(kills()))
def test_killed_in_the_middle_of_linking(project: Project, at: int, after: bool) -> None:
    """Resumed, each link stands once and nothing was collected."""

    def linking(words: str) -> bool:
        return words.startswith("write patch green secrets shop/child-")

    with suppress(Killed):
        run(project, Life(Death(at, after=after, only=linking), until=Until(phase=Phase.REPLAY)))
    assert len(owners(project)) < 3 or after
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    assert owners(project) == LINKED


def test_going_back_takes_links_away_before_anything_is_deleted(project: Project) -> None:
    """No object goes with its owner before its own turn: every delete finds what it deletes."""
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    roll_back_to(project, Phase.BUILD)
    undone = [i.action for i in progress_of(project).intents() if i.undoes]
    kinds = [a.kind for a in undone if a.kind in {"unlink", "delete"}]
    assert kinds == ["unlink"] * 3 + ["delete"] * (len(kinds) - 3)
    deleted = [i for i in progress_of(project).intents() if i.undoes and i.action.kind == "delete"]
    assert [i for i in deleted if i.outcome and "already" in i.outcome.evidence] == []
    assert owners(project) == {}
    assert run(project)
    assert owners(project) == {**LINKED, LATE: [("nightly", True)]}


def test_nothing_owned_by_others_is_left_behind_by_a_killed_way_back(project: Project) -> None:
    """A rollback that is killed between two links ends where an unbroken one ends."""
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    with suppress(Killed):
        roll_back_to(project, Phase.BUILD, Life(Death(6, only=effects_only)))
    roll_back_to(project, Phase.BUILD)
    assert owners(project) == {}
    with world_of(project) as world:
        assert PARENT not in {ref_of(o) for o in bodies(world, Side.GREEN)}


def test_what_blue_names_no_more_is_unlinked(project: Project) -> None:
    """A replay that comes by again takes away what this run linked and blue gave up since, and nothing of others."""
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    patched(project, Side.BLUE, SECRETS, "shop/child-1", {"metadata": {"ownerReferences": None}})
    assert not run(project, Life(until=Until(phase=Phase.VERIFY)))
    assert owners(project) == {ref: found for ref, found in LINKED.items() if ref.name != "child-1"}
    assert run(project)
    assert owners(project) == {
        **{ref: found for ref, found in LINKED.items() if ref.name != "child-1"},
        LATE: [("nightly", True)],
    }


def test_an_owner_that_is_held_since_goes_without_what_it_owned(project: Project) -> None:
    """What has no dormant form goes from green until the cutover; what it owned stays, and is linked again then."""
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    rule = "{kind: ConfigMap, namespace: shop, name: parent, hold: true, reason: later}"
    project = amended(project, f"{FILE}  rules: [{rule}]\n")
    run(project, Life(until=Until(phase=Phase.VERIFY)))
    with world_of(project) as world:
        world.clock().sleep(60)
        world.settle()  # green's collector has seen that the owner is gone
        left = {ref_of(o) for o in bodies(world, Side.GREEN)}
    assert PARENT not in left
    assert left.issuperset(CHILDREN)
    assert owners(project) == {}
    assert run(project)
    assert owners(project) == {**LINKED, LATE: [("nightly", True)]}


def test_the_last_link_that_blue_gives_up_is_not_made_at_the_cutover(project: Project) -> None:
    """What the replay left for the cutover is as it was found by the last run, also where that found none."""
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    alone = {"metadata": {"ownerReferences": None}}
    for ref in CHILDREN:
        patched(project, Side.BLUE, SECRETS, f"{ref.namespace}/{ref.name}", alone)
    patched(project, Side.BLUE, CONFIG_MAPS, f"{LATE.namespace}/{LATE.name}", alone)
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    assert owners(project) == {}
    said = [i.action.key for i in progress_of(project).intents()]
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    assert [i.action.key for i in progress_of(project).intents()] == said
    assert run(project)
    assert owners(project) == {}


def test_an_owner_that_blue_has_named_since_is_found(project: Project) -> None:
    """While blue is the source its owners are looked at once more, before the cutover."""

    def named() -> None:
        with world_of(project) as world:
            parent = world.cluster(Side.BLUE).get(CONFIG_MAPS, "parent", "shop") or {}
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "parent", "uid": parent["metadata"]["uid"]}
        patched(project, Side.BLUE, SECRETS, "shop/api-token", {"metadata": {"ownerReferences": [owner]}})

    with pytest.raises(CheckFailed, match="1 of 4 do not stand on green: Secret shop/api-token"):
        run(project, Life(tell=once_done("verify.routes", named)))
    assert run(project)  # the next run links it


def test_a_reference_that_was_taken_away_is_found(project: Project) -> None:
    """Green is held against blue by owners, too."""
    alone = {"metadata": {"ownerReferences": None}}
    taken = once_done("start.serving", lambda: patched(project, Side.GREEN, SECRETS, "shop/child-1", alone))
    with pytest.raises(
        CheckFailed, match="1 of 3 do not stand on green: Secret shop/child-1 to ConfigMap parent"
    ):
        run(project, Life(tell=taken))
    assert run(project)  # the next run links it again


def test_a_policy_with_an_owner_goes_only_after_the_one_that_replaces_it(project: Project) -> None:
    """A link tells nothing of the wave of its object: no pod stands a moment without the one policy or the other."""
    with world_of(project) as world:
        parent = world.cluster(Side.BLUE).get(CONFIG_MAPS, "parent", "shop") or {}
    old = owned(Ref("networking.k8s.io", "NetworkPolicy", "shop", "old"), parent)["metadata"]
    spec = {"podSelector": {}, "policyTypes": ["Ingress"]}
    created(project, Side.BLUE, POLICIES, "shop/old", metadata=old, spec=spec)
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    deleted(project, Side.BLUE, POLICIES, "shop/old")
    created(project, Side.BLUE, POLICIES, "shop/new", spec=spec)
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    seqs = {(i.action.kind, i.action.params["ref"]["name"]): i.seq
            for i in progress_of(project).intents() if i.stands and "ref" in i.action.params}  # fmt: skip
    assert seqs["create", "new"] < seqs["delete", "old"]


def test_what_would_be_linked_is_told_and_stops_nothing(project: Project) -> None:
    """A reference that somebody took away: the delta names the object, and so does the run that links it again."""
    run(project, Life(until=Until(phase=Phase.VERIFY)))
    alone = {"metadata": {"ownerReferences": None}}
    patched(project, Side.GREEN, SECRETS, "shop/child-1", alone)
    with opened(project) as asked:
        found = upcoming(asked.scene)
    assert not found.stops
    assert [(c.act, c.ref, c.what) for c in found.changes] == [
        ("change", CHILDREN[1], "its owner stands on green")
    ]
    assert found.changes[0].wave == 5
    heard: list[str] = []
    run(project, Life(until=Until(phase=Phase.VERIFY), tell=lambda event: heard.append(event.text)))
    assert any(text.endswith("delta: 1 changed") for text in heard)
