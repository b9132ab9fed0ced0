"""The invariants of docs/architecture.md, one by one, on a whole small move."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from migrate import assess, replay
from migrate.actions.judging import Seen, Thresholds, judge
from migrate.cli.aborting import abort
from migrate.cli.commands.rehearse import rehearsal
from migrate.cli.project import Project, load
from migrate.cli.screen import listener
from migrate.cli.session import open_journal
from migrate.cli.wiring import wired
from migrate.doors.reading import read_inventory
from migrate.engine import journal as journals
from migrate.engine.runner import Until
from migrate.errors import (
    CheckFailed,
    Fenced,
    ForeignObject,
    GateClosed,
    LockHeld,
    PlanMismatch,
    TrafficReturned,
)
from migrate.model import marks
from migrate.model.action import OutcomeState
from migrate.model.entry import EntryKind
from migrate.model.ids import GateName, Phase, Side
from migrate.model.migration import GateSpec
from migrate.model.objects import annotations_of, dig, kind_of, labels_of, name_of, namespace_of
from migrate.model.verdict import Result
from migrate.simulation.faults import Fuse, Killed
from migrate.simulation.world import World
from tests.scenario.blue import CANARY_SPELLINGS, CRON, WORKER, small_blue
from tests.scenario.endings import bodies, difference, effects_of, ending_of, plain, weights
from tests.scenario.moves import (
    FILE,
    Death,
    Life,
    copied,
    effects_only,
    entries_of,
    everything,
    opened,
    progress_of,
    roll_back_to,
    run,
    seeded,
    world_of,
)
from tests.scenario.test_kill_anywhere import told

_Result = TypeVar("_Result")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that was not begun."""
    return seeded(tmp_path_factory.mktemp("invariants") / "fresh")


@pytest.fixture
def project(fresh: Project, tmp_path: Path) -> Project:
    """A project of the test's own."""
    return copied(fresh, tmp_path / "move")


@pytest.fixture(scope="module")
def finished(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A move that was carried out whole; read it, or copy it."""
    project = copied(fresh, tmp_path_factory.mktemp("finished") / "move")
    assert run(project)
    return project


@dataclass
class Watching(Fuse):
    """Looks on at every call of every door, before it is made."""

    before: Callable[[str], None] = lambda _: None
    after_each: Callable[[str], None] = lambda _: None
    only: Callable[[str], bool] = everything
    seen: list[str] = field(default_factory=list)

    def around(self, words: str, call: Callable[[], _Result]) -> _Result:
        """Look, make the call, look."""
        self.before(words)
        result = call()
        self.seen.append(words)
        self.after_each(words)
        return result


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
        name = words.split()[-1] if words.startswith("traffic") else words.rpartition("/")[2]
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
        objects = {(side, kind_of(o), namespace_of(o), name_of(o)): o for side in Side for o in bodies(world, side)}
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
    with opened(project), pytest.raises(LockHeld, match=r"process \d+\), since 20") as caught, opened(project):
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
            blue, project.migration, residue=assess.residue(blue), green_resources=live.doors.green.resources()
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


def alive(world: World, side: Side) -> bool:
    """Whether a side wants replicas of the worker, or still has a pod of it."""
    found = False
    for (body,) in world.store.rows(
        "SELECT body FROM objects WHERE side = ? AND ns = ? AND plural IN ('deployments', 'pods')",
        side.value,
        WORKER[0],
    ):
        obj = json.loads(body)
        if kind_of(obj) == "Pod":
            found |= labels_of(obj).get("app") == WORKER[1]
        elif name_of(obj) == WORKER[1]:
            found |= bool(dig(obj, "spec", "replicas"))
    return found


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
    changed = [i for i in progress_of(project).intents() if i.action.params.get("side") == "blue" and i.action.kind == "patch"]
    assert [i.action.inverse is not None for i in changed] == [True, True]


def workings(world: World, side: Side) -> dict[str, Any]:
    """What a side is asked to do: every object that people wrote, without status and traces of revisions."""
    found = {}
    for obj in bodies(world, side):
        made = {"Pod", "ReplicaSet", "Job", "Endpoints", "EndpointSlice", "Event", "Lease", "ControllerRevision"}
        calico = {"IPAMBlock", "IPAMHandle", "BlockAffinity"}
        if kind_of(obj) in made | calico:
            continue
        kept = {k: v for k, v in plain(obj).items() if k != "status"}
        metadata = {k: v for k, v in kept["metadata"].items() if k != "managedFields"}
        annotations = {
            k: v for k, v in (metadata.get("annotations") or {}).items() if not k.startswith("deployment.kubernetes.io/")
        }
        kept["metadata"] = {**{k: v for k, v in metadata.items() if k != "annotations"}, **({"annotations": annotations} if annotations else {})}
        found[f"{obj['apiVersion']} {kind_of(obj)} {namespace_of(obj)}/{name_of(obj)}"] = kept
    return found


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


def test_invariant_10_state_files_are_private(project: Project) -> None:
    """Every file of the state is 0600, side files and the snapshot's too, while the run is open and after it."""
    wide: list[str] = []

    def look(_: str) -> None:
        for path in project.state.rglob("*"):
            if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077:
                wide.append(path.name)

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


def test_invariant_11_what_is_paused_is_listed(finished: Project) -> None:
    """The journal says what stays paused on blue."""
    intent = progress_of(finished).of_key("record what stays paused on blue")
    assert intent is not None
    assert intent.outcome is not None
    assert intent.outcome.state is OutcomeState.DONE


# --- the way back ------------------------------------------------------------------------------------------------

PHASES = [Phase.PREPARE, Phase.BUILD, Phase.REPLAY, Phase.START, Phase.VERIFY, Phase.CUTOVER, Phase.SOAK, Phase.FINISH]


@pytest.mark.parametrize("phase", PHASES)
def test_rollback_from_every_phase_restores_both_sides(project: Project, phase: Phase) -> None:
    """From the end of any phase everything can be taken back: blue as it was, green gone, traffic on blue."""
    with world_of(project) as world:
        world.settle()
        before = workings(world, Side.BLUE)
    run(project, Life(until=Until(phase=phase)))
    roll_back_to(project, None)
    with world_of(project) as world:
        world.clock().sleep(60)
        assert workings(world, Side.BLUE) == before
        assert list(bodies(world, Side.GREEN)) == []
        assert set(weights(world).values()) == {0}
        assert alive(world, Side.BLUE)
    assert progress_of(project).steps_done == {}


@pytest.mark.parametrize("phase", PHASES[:-1])
def test_rollback_to_a_phase_is_where_the_run_stood_then(finished: Project, project: Project, phase: Phase, tmp_path: Path) -> None:
    """A finished move rolled back to a phase has both sides as at that phase's end, and goes forward again."""
    run(project, Life(until=Until(phase=phase)))
    back = copied(finished, tmp_path / "back")
    roll_back_to(back, phase)
    with world_of(project) as then, world_of(back) as now:
        for world in (then, now):
            world.clock().sleep(60)
        for side in Side:
            assert settled(workings(now, side)) == settled(workings(then, side)), side
        assert weights(now) == weights(then)
    assert run(back)
    assert [line for line in difference(ending_of(finished), ending_of(back)) if line.startswith(("weights", "steps"))] == []
    with world_of(finished) as one, world_of(back) as other:
        assert settled(workings(one, Side.GREEN)) == settled(workings(other, Side.GREEN))


def settled(objects: Mapping[str, Any]) -> dict[str, Any]:
    """Without volumes: a claim that was bound once stays bound, which is the point of a claim."""
    kept = {}
    for where, obj in objects.items():
        if kind_of(obj) == "PersistentVolume":
            continue
        if kind_of(obj) == "PersistentVolumeClaim":
            annotations = {k: v for k, v in annotations_of(obj).items() if "kubernetes.io/" not in k}
            spec = {k: v for k, v in obj["spec"].items() if k != "volumeName"}
            metadata = {k: v for k, v in obj["metadata"].items() if k not in {"finalizers", "annotations"}}
            obj = {**obj, "spec": spec, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}  # noqa: PLW2901
        kept[where] = _renumbered(obj)
    return kept


GIVEN = frozenset({"clusterIP", "clusterIPs", "nodePort", "clusterGUID", "healthCheckNodePort", "projectcalico.org/metadata"})
"""What a green that is made anew gives out anew."""


def _renumbered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _renumbered(v) for k, v in value.items() if k not in GIVEN}
    return [_renumbered(item) for item in value] if isinstance(value, list) else value


# --- the red button ----------------------------------------------------------------------------------------------


def pressed(project: Project) -> list[str]:
    """Abort from another terminal."""
    with wired(project) as live:
        journal, progress = open_journal(project, live.doors.clock)
        with journal:
            return abort(project, live, journal, progress).lines


def test_abort_with_the_runner_dead(project: Project) -> None:
    """After a runner died in the ramp, abort puts all traffic on blue; the run goes forward again to its end."""
    run(project, Life(until=Until(gate=GateName("before-full"))))
    with world_of(project) as world:
        assert weights(world) == {"shop": 50}
    assert pressed(project) == ["shop: 0 % on green"]
    with world_of(project) as world:
        assert weights(world) == {"shop": 0}
    assert run(project)
    with world_of(project) as world:
        assert weights(world) == {"shop": 100}


def test_abort_with_the_runner_alive(project: Project) -> None:
    """A living runner is fenced by an abort: its next entry is refused with exit 41, and traffic stays on blue."""
    aborted: list[str] = []

    def look(words: str) -> None:
        if words == "traffic set shop 50" and not aborted:
            aborted.extend(pressed(project))

    with pytest.raises(Fenced):
        run(project, Life(Watching(after_each=look)))
    assert aborted
    with world_of(project) as world:
        assert weights(world) == {"shop": 0}
    assert run(project)


def test_a_broken_green_sends_the_traffic_back(project: Project) -> None:
    """Errors during the ramp send the traffic to the last good weight by itself: exit 30, and mended it goes on."""

    def look(words: str) -> None:
        if words == "traffic set shop 50":
            with world_of(project) as world:
                world.failures.break_side(Side.GREEN)

    with pytest.raises(TrafficReturned, match="went back to 0 %") as caught:
        run(project, Life(Watching(after_each=look)))
    assert caught.value.exit_code == 30
    with world_of(project) as world:
        assert weights(world) == {"shop": 0}
        world.failures.forgive()
    assert run(project)
    with world_of(project) as world:
        assert weights(world) == {"shop": 100}


def test_a_forgotten_journal_stops(project: Project) -> None:
    """A state directory that was deleted is noticed by the marks on green: exit 33."""
    run(project, Life(until=Until(phase=Phase.REPLAY)))
    project.journal.unlink()
    with pytest.raises(ForeignObject, match="green carries the marks of run") as caught:
        run(project)
    assert caught.value.exit_code == 33


def test_a_closed_gate_leaves_with_20(project: Project) -> None:
    """A gate that wants an approval ends the run with exit 20, the Lease given back."""
    with pytest.raises(GateClosed) as caught:
        run(project, Life(gates={"before-cutover": GateSpec()}))
    assert (caught.value.exit_code, caught.value.gate) == (20, "all/before-cutover")
    with world_of(project) as world:
        leases = [o for o in bodies(world, Side.BLUE) if kind_of(o) == "Lease" and "cnimigrate" in name_of(o)]
        assert leases == []


