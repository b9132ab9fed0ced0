"""The invariants of docs/architecture.md, one by one, on a whole small move."""

from __future__ import annotations

import json
import stat
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from migrate import assess, replay
from migrate.actions.judging import Seen, Thresholds, judge
from migrate.cli.project import Project, load
from migrate.cli.rehearsed import rehearsal
from migrate.cli.screen import listener
from migrate.cli.wiring import wired
from migrate.doors.reading import read_inventory
from migrate.engine import journal as journals
from migrate.engine.runner import Until
from migrate.errors import (
    CheckFailed,
    Fenced,
    ForeignObject,
    LockHeld,
    PlanMismatch,
)
from migrate.model import marks
from migrate.model.action import OutcomeState
from migrate.model.canonical import digest
from migrate.model.entry import EntryKind
from migrate.model.ids import Phase, Side
from migrate.model.objects import Resource, annotations_of, kind_of, labels_of, name_of, namespace_of
from migrate.model.verdict import Result
from migrate.simulation.faults import Killed
from migrate.simulation.world import World
from tests.scenario.blue import CANARY_SPELLINGS, CRON, small_blue
from tests.scenario.endings import bodies, difference, effects_of, ending_of, told, weights
from tests.scenario.hands import patched
from tests.scenario.looks import Watching, alive, workings
from tests.scenario.moves import (
    FILE,
    Death,
    Life,
    copied,
    effects_only,
    entries_of,
    opened,
    progress_of,
    run,
    world_of,
)

# --- 1 -----------------------------------------------------------------------------------------------------------


def test_invariant_1_killed_and_resumed_ends_the_same(finished: Project, project: Project) -> None:
    """A run killed three times in the middle and resumed ends in the same state, with each effect done once."""
    for at in (60, 90, 40):
        with pytest.raises(Killed):
            run(project, Life(Death(at, after=True, only=effects_only)))
    assert run(project)
    assert difference(ending_of(finished), ending_of(project)) == []


# --- 2 -----------------------------------------------------------------------------------------------------------


def test_invariant_2_intent_before_the_act_and_outcome_after(project: Project) -> None:
    """Whenever something is written, another process reads an open intent for it in the journal."""
    unannounced: list[str] = []

    def look(words: str) -> None:
        if not words.startswith(("write ", "traffic set ", "provisioner create")) or " leases." in words:
            return
        open_intents = {json.dumps(i.action.params) for i in progress_of(project).in_doubt()}
        name = words.rsplit(maxsplit=1)[-1] if words.startswith("traffic") else words.rpartition("/")[2]
        if not any(name in params for params in open_intents) and "provisioner" not in words:
            unannounced.append(words)
        if not open_intents:
            unannounced.append(words)

    watching = Watching(before=look)
    assert run(project, Life(watching))
    assert sum(effects_only(w) for w in watching.seen) > 100
    assert unannounced == []
    entries = entries_of(project)
    intents = {e.seq for e in entries if e.kind is EntryKind.INTENT}
    assert {e.data["intent"] for e in entries if e.kind is EntryKind.OUTCOME} == intents


def test_invariant_2_no_success_without_reading_back(project: Project) -> None:
    """A balancer that says yes and does nothing is a failure: the weight is read back."""
    with opened(project) as begun:
        weight = begun.acting._handlers["weight"]
        weight._traffic.set = lambda route, green: None  # type: ignore[attr-defined]
        with pytest.raises(CheckFailed, match="set to 50 % but reads 0 %"):
            begun.run(None, {})
    assert set(weights(World.open(project.state / "world.db")).values()) == {0}


# --- 3 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("until", [None, Phase.BUILD, Phase.CUTOVER])
def test_invariant_3_a_rehearsal_writes_nothing(project: Project, until: Phase | None) -> None:
    """A rehearsal leaves both clusters and the balancer as they were; one that refuses to begin does, too."""
    if until is not None:
        run(project, Life(until=Until(phase=until)))
    before = everything_in(project)
    if until is Phase.CUTOVER:
        with suppress(ForeignObject):  # green carries the marks of the run that is under way
            rehearsal(project, "text")
    else:
        rehearsal(project, "text")
    assert everything_in(project) == before


def test_invariant_3_a_rehearsal_goes_to_its_end(project: Project) -> None:
    """A rehearsal does every step in a world of its own, and no Secret's value enters that world."""
    rehearsal(project, "text")
    stage = replace(project, state=project.rehearsal)
    assert len(progress_of(stage).steps_done) == 17
    for path in project.rehearsal.rglob("*"):
        raw = path.read_bytes() if path.is_file() else b""
        assert not any(word.encode() in raw for word in CANARY_SPELLINGS), path.name


def everything_in(project: Project) -> tuple[object, ...]:
    """Every object of both sides, whole, and what was written and weighed."""
    with world_of(project) as world:
        world.settle()
        objects = {
            (side, kind_of(o), namespace_of(o), name_of(o)): o for side in Side for o in bodies(world, side)
        }
        return objects, dict(world.effects()), weights(world), [world.requests(side) for side in Side]


# --- 4 -----------------------------------------------------------------------------------------------------------


def begun(project: Project) -> Project:
    """A project whose run stands before its build."""
    assert not run(project, Life(until=Until(phase=Phase.PREPARE)))
    return project


def test_invariant_4_another_migrations_journal_is_refused(project: Project) -> None:
    """A file of another name on this state directory is refused with exit 50."""
    begun(project)
    project.file.write_text(FILE.replace("name: small", "name: other"))
    with pytest.raises(PlanMismatch, match="journal of migration small, not other") as caught:
        run(load(str(project.file), None, str(project.state)))
    assert caught.value.exit_code == 50


def test_invariant_4_another_cluster_is_refused(fresh: Project, project: Project, tmp_path: Path) -> None:
    """The journal on another blue is refused with exit 50, whatever that blue is called."""
    begun(project)
    (tmp_path / "other").mkdir()
    for path in project.state.glob("world.db*"):
        path.unlink()
    text = small_blue() + "---\n" + json.dumps(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": "another-cluster"}}
    )  # fmt: skip
    (project.file.resolve().parent / "blue.yaml").write_text(text)
    with pytest.raises(PlanMismatch, match="blue is another cluster"):
        run(project)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("10.48.0.0/16", "10.52.0.0/16", "green.network.podCIDR changed|podCIDR"),
        ("soak: 6s", "soak: 7s", "soak"),
        ("pause: 30s", "pause: 31s", "cutover"),
    ],
)
def test_invariant_4_an_edited_file_is_refused(project: Project, old: str, new: str, words: str) -> None:
    """A file edited after the run began is refused with exit 50, and the message names what changed."""
    begun(project)
    project.file.write_text(FILE.replace(old, new))
    with pytest.raises(PlanMismatch, match=words):
        run(load(str(project.file), None, None))


def test_invariant_4_another_contract_version_is_refused(project: Project) -> None:
    """A journal with a step of another contract version is refused with exit 50, finished or not."""
    from unittest.mock import patch

    from migrate.steps.install_calico import InstallCalico

    begun(project)
    with patch.object(InstallCalico, "version", 2), pytest.raises(PlanMismatch, match="other steps"):
        run(project)


# --- 5 -----------------------------------------------------------------------------------------------------------


def test_invariant_5_a_second_operator_on_this_machine(project: Project) -> None:
    """Whoever runs the same state directory a second time is told who holds it: exit 40."""
    with (
        opened(project),
        pytest.raises(LockHeld, match=r"process \d+\), since 20") as caught,
        opened(project),
    ):
        pass
    assert caught.value.exit_code == 40


def test_invariant_5_a_second_operator_on_another_machine(project: Project, tmp_path: Path) -> None:
    """Another state directory on the same clusters is held off by the Lease in blue: exit 40, with who and since when."""
    assert not run(project, Life(until=Until(phase=Phase.PREPARE)))
    other = copied(project, tmp_path / "other")
    (other.state / "journal.db").unlink()
    for path in other.state.glob("world.db*"):
        path.unlink()
    with opened(project):
        for path in project.state.glob("world.db*"):
            (other.state / path.name).symlink_to(path)
        with pytest.raises(LockHeld, match=r"held by .+@.+:\d+ since 20") as caught, opened(other):
            pass
    assert caught.value.exit_code == 40


def test_invariant_5_a_takeover_fences(project: Project) -> None:
    """Once the epoch has moved on, the former runner's next act is refused with exit 41 and changes nothing."""
    with opened(project) as former:
        with journals.open_(project.journal, former.scene.doors.clock) as other:
            other.take_over()
        with pytest.raises(Fenced) as caught:
            former.run(None, {})
    assert caught.value.exit_code == 41
    with world_of(project) as world:
        assert effects_of(world) == {}


# --- 6 -----------------------------------------------------------------------------------------------------------


def test_invariant_6_every_object_is_decided(project: Project) -> None:
    """Every object of blue has a decision with a rule id and a reason; none is dropped silently."""
    run(project, Life(until=Until(phase=Phase.BUILD)))
    with wired(project) as live:
        blue = read_inventory(live.doors.blue)
        decisions = replay.decide_all(
            blue,
            project.migration,
            residue=assess.residue(blue),
            ranges=assess.own_ranges(blue),
            green_resources=live.doors.green.resources(),
        )
    assert len(decisions) == len(blue)
    assert all(d.rule and d.reason for d in decisions.all)
    assert len({d.ref for d in decisions.all}) == len(blue)
    assert decisions.undecided == ()


# --- 7 -----------------------------------------------------------------------------------------------------------


def test_invariant_7_policies_stand_before_the_first_pod(project: Project) -> None:
    """At the moment the first pod of a namespace exists on green, every NetworkPolicy that selects it stands."""
    bare: list[str] = []
    pods: set[str] = set()
    with World.open(project.state / "world.db") as world:

        def look(words: str) -> None:
            if not words.startswith(("write ", "clock sleep")):
                return
            objects = list(bodies(world, Side.GREEN))
            policies = {(namespace_of(o), name_of(o)) for o in objects if kind_of(o) == "NetworkPolicy"}
            wanted = {"shop": ("shop", "api-from-web"), "back": ("back", "closed")}
            for obj in objects:
                if kind_of(obj) == "Pod" and namespace_of(obj) in wanted:
                    pods.add(f"{namespace_of(obj)}/{labels_of(obj).get('app', '')}")
                    if wanted[namespace_of(obj)] not in policies:
                        bare.append(f"{words}: {name_of(obj)}")

        assert run(project, Life(Watching(after_each=look)))
    assert bare == []
    assert {"shop/web", "shop/api", "back/worker"} <= pods


def test_invariant_7_nothing_exclusive_runs_on_both_sides(project: Project) -> None:
    """At no call and no step of the clock has the worker pods on both sides, and no CronJob fires twice."""
    both: list[str] = []
    ran: set[Side] = set()
    with World.open(project.state / "world.db") as world:

        def look(words: str) -> None:
            running = {side for side in Side if alive(world, side)}
            ran.update(running)
            if len(running) == 2:
                both.append(words)

        assert run(project, Life(Watching(after_each=look)))
        world.clock().sleep(300)
        assert both == []
        assert ran == set(Side)
        assert world.fired_twice() == []
        assert {s for s in Side if any(f[:2] == CRON for f in world.firings(s))} == set(Side)


# --- 8 -----------------------------------------------------------------------------------------------------------


def test_invariant_8_blue_is_untouched_until_the_cutover(project: Project) -> None:
    """Up to the cutover no object of blue is changed but the Lease, and in the whole run none is deleted."""
    with world_of(project) as world:
        world.settle()
        before = workings(world, Side.BLUE)
    assert not run(project, Life(until=Until(phase=Phase.VERIFY)))
    with world_of(project) as world:
        assert workings(world, Side.BLUE) == before
        assert [key for key in effects_of(world) if " blue " in key] == []
    assert run(project)
    with world_of(project) as world:
        on_blue = [key for key in effects_of(world) if " blue " in key]
    assert on_blue == ["patch blue cronjobs.batch back/nightly", "patch blue deployments.apps back/worker"]
    changed = [
        i
        for i in progress_of(project).intents()
        if i.action.params.get("side") == "blue" and i.action.kind == "patch"
    ]
    assert all(i.action.inverse is not None for i in changed)
    assert [i.action.params["why"] for i in changed] == ["rest", "rest", "unmark", "unmark"]


# --- 9 -----------------------------------------------------------------------------------------------------------


def test_invariant_9_no_samples_is_inconclusive(project: Project) -> None:
    """Without samples there is no pass: the ramp holds its weight with exit 30, and 100 percent is never reached."""
    (verdict,) = judge("shop at 50 %", Seen(), Thresholds(0.001, 1.5, 1))
    assert verdict.result is Result.INCONCLUSIVE
    project.file.write_text(FILE.replace("minSamples: 3000", "minSamples: 50000000"))
    with pytest.raises(CheckFailed, match="holds its weight") as caught:
        run(load(str(project.file), None, None))
    assert caught.value.exit_code == 30
    with world_of(project) as world:
        assert weights(world) == {"shop": 50}


# --- 10 ----------------------------------------------------------------------------------------------------------


def test_invariant_10_secrets_are_told_nowhere(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    """The Secret's value is in no file of the state but the world's own Secrets, and in no output."""
    rehearsal(project, "json")
    with wired(project) as live:
        assert run(project, Life(tell=listener("json", live.doors.clock)))
    assert told(project) == []
    out, err = capfd.readouterr()
    assert "batch-ended" in out
    assert not any(word in out + err for word in CANARY_SPELLINGS)


def test_invariant_10_hashes_that_leave_the_machine_are_keyed(project: Project) -> None:
    """No plain hash of a manifest is in the journal, which `export` gives away: a small Secret's could be guessed."""
    run(project, Life(until=Until(phase=Phase.BUILD)))
    with wired(project) as live:
        plain = {digest(obj) for obj in live.calico}
    applied = [i.action for i in progress_of(project).intents() if i.action.kind == "apply"]
    assert applied
    assert not plain & {str(action.params["hash"]) for action in applied}


def test_invariant_10_state_files_are_private(project: Project) -> None:
    """Every file of the state is 0600, side files and the snapshot's too, while the run is open and after it."""
    wide: list[str] = []

    def look(_: str) -> None:
        files = (path for path in project.state.rglob("*") if path.is_file())
        wide.extend(path.name for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077)

    watching = Watching(before=lambda w: look(w) if w.startswith("journal") else None)
    assert run(project, Life(watching))
    look("")
    assert sorted(set(wide)) == []


# --- 11 ----------------------------------------------------------------------------------------------------------


def test_invariant_11_finish_leaves_nothing_of_ours(finished: Project) -> None:
    """After the finish neither side carries an annotation, label or Lease of ours, and green carries everything."""
    with world_of(finished) as world:
        ours = [
            f"{side} {kind_of(o)} {name_of(o)}"
            for side in Side
            for o in bodies(world, side)
            if any(marks.is_ours(k) for k in {**annotations_of(o), **labels_of(o)})
            or "cnimigrate" in name_of(o)
            or marks.PREFIX in json.dumps({k: v for k, v in o.items() if k != "metadata"})
        ]
        assert ours == []
        assert weights(world) == {"shop": 100}


def test_invariant_11_marks_that_come_back_are_named(project: Project) -> None:
    """Where something writes our marks again after every look, the finish says so and is not done; later it is."""
    run(project, Life(until=Until(phase=Phase.SOAK)))
    copies = Resource("apps", "v1", "replicasets", "ReplicaSet", namespaced=True)
    ours = {"metadata": {"annotations": {marks.RUN: progress_of(project).run}}}
    with world_of(project) as world:
        (name,) = (
            name_of(o)
            for o in bodies(world, Side.GREEN)
            if kind_of(o) == "ReplicaSet" and name_of(o).startswith("api-")
        )

    def mark_again(words: str) -> None:
        if words.startswith("write patch green replicasets"):
            patched(project, Side.GREEN, copies, f"shop/{name}", ours)

    mark_again("write patch green replicasets")
    with pytest.raises(CheckFailed, match=f"our marks are still on green's ReplicaSet shop/{name}"):
        run(project, Life(Watching(after_each=mark_again)))
    assert run(project)
    with world_of(project) as world:
        assert not any(marks.is_ours(key) for o in bodies(world, Side.GREEN) for key in annotations_of(o))


def test_invariant_11_what_is_paused_is_listed(finished: Project) -> None:
    """The journal says what stays paused on blue."""
    intent = progress_of(finished).of_key("record what stays paused on blue")
    assert intent is not None
    assert intent.outcome is not None
    assert intent.outcome.state is OutcomeState.DONE
