"""The commands around a run: gates, red button, way back, doubt, evidence; and the help that leads to them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from migrate.cli.app import COMMANDS
from migrate.doors.cluster import Verb, Write
from migrate.model.entry import EntryKind
from migrate.model.ids import Side
from migrate.simulation.server import SimulatedCluster
from tests.cli.moving import ARGV, DONE, Place, at_gate, demo, end, environment, wait_for


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A run that stands at the gate before the cutover."""
    return at_gate(demo(tmp_path_factory.mktemp("waiting") / "it"))


@pytest.fixture
def place(waiting: Place, tmp_path: Path) -> Place:
    """A copy of it."""
    return waiting.copy(tmp_path / "it")


# --- a whole move ------------------------------------------------------------------------------------------------


def test_a_move_from_its_gate_to_its_end_and_back(place: Place) -> None:
    """Approve, run, read the sum; the way back past the point of no return is shown, refused, and taken if accepted."""
    approved = place.run("approve", "before-cutover", "--by", "ana", "--ticket", "CHG-1", "--note", "go")
    assert approved.out.startswith("all/before-cutover approved by ana: plan ")
    assert "it is open: cnimigrate run goes on" in approved.out
    ended = place.run("run")
    assert ended.code == 0
    assert DONE in ended.out
    for said in (
        "traffic  shop 100 % on green",
        "took     ",
        "(simulated time)",
        "blue     still there: 6 workloads",
    ):
        assert said in ended.out
    assert "nothing stays paused" in ended.out
    assert {k for k in place.effects() if k.startswith("set route")} == {
        "set route shop 1", "set route shop 25", "set route shop 100",
    }  # fmt: skip
    again = place.run("run")
    assert again.code == 0
    before = len(place.entries())
    shown = place.run("rollback", "--dry-run")
    assert shown.code == 0
    assert "would go back over cutover.writers" in shown.out
    assert "LOSES: what green's writers wrote since is not on blue" in shown.out
    assert len(place.entries()) == before
    refused = place.run("rollback", "--to", "verify")
    assert refused.code == 30
    assert "going back over cutover.writers loses data" in refused.err
    assert "--accept-data-loss" in refused.err
    back = place.run("rollback", "--to", "verify", "--accept-data-loss")
    assert back.code == 0, back.all
    assert "went back over cutover.ramp" in back.out
    assert place.green() == 0
    assert place.run("run").code == 20  # the gate asks again


def test_the_gate_tells_what_is_behind_it(place: Place) -> None:
    """Routes, what would move, and the way back, with the command that opens it."""
    said = place.run("run").err
    assert "|| all/before-cutover needs an approval   plan " in said
    assert "shop ramps (6 workloads run on both sides)" in said
    assert "Deployment billing/billing-worker (exclusive)" in said
    assert "way back: none is needed yet" in said
    assert "-> cnimigrate approve all/before-cutover --by YOU" in said


def test_until_a_phase_and_until_a_gate(place: Place) -> None:
    """A run may be asked for less; it says where it stopped, and exits 0."""
    assert place.run("approve", "before-cutover").code == 0
    gate = place.run("run", "--until", "before-full")
    assert gate.code == 0
    assert "stopped before before-full, as asked" in gate.out
    assert place.green() == 25
    phase = place.run("run", "--until", "cutover")
    assert phase.code == 0
    assert "stopped after cutover, as asked" in phase.out
    assert place.green() == 100
    assert "next     soak.watch" in place.run("status").out


def test_wait_goes_on_when_another_terminal_approves(place: Place) -> None:
    """`run --wait` blocks at the gate and passes it by itself."""
    running = place.start("run", "--wait", "-o", "json")
    wait_for(running, "gate-closed")
    assert place.run("approve", "all/before-cutover", "--by", "ana").code == 0
    wait_for(running, "gate-passed")
    assert end(running).code == 0
    passed = [g for g in place.progress().gate_events("all/before-cutover") if g.event == "passed"]
    assert passed[-1].data["by"] == ["ana"]


# --- gates -------------------------------------------------------------------------------------------------------


def test_approve_and_revoke(place: Place) -> None:
    """A revoked approval opens nothing; an unknown gate and one that was not reached are refused."""
    assert place.run("approve", "before-cutover", "--by", "ana").code == 0
    revoked = place.run("revoke", "before-cutover", "--note", "the network team asked to wait")
    assert revoked.code == 0
    assert revoked.out == "all/before-cutover is closed.\n"
    assert place.run("run").code == 20
    unknown = place.run("approve", "before-lunch")
    assert unknown.code == 2
    assert "all/before-cutover" in unknown.err
    early = place.run("approve", "before-writers")
    assert early.code == 30
    assert "has not been reached" in early.err
    assert "has been passed already" in place.run("approve", "before-start").out
    given = [e.data for e in place.entries() if e.kind is EntryKind.GATE and e.data["event"] == "approved"]
    assert {"by", "user", "host", "fingerprint", "verdicts"} <= set(given[-1])


def test_a_gate_that_wants_two_others(tmp_path: Path) -> None:
    """Two approvers, not the runner, with a ticket: it says what is missing until nothing is."""
    place = demo(tmp_path / "it")
    place.edit(("before-cutover: approval", "before-cutover: {approvers: 2, not: runner, ticket: required}"))
    at_gate(place)
    said = place.run("approve", "before-cutover", "--by", "ana", "--ticket", "C1").out
    assert "it still needs" in said
    assert place.run("run").code == 20


# --- red button --------------------------------------------------------------------------------------------------


def test_abort_closes_the_gates_and_the_run_asks_again(place: Place) -> None:
    """After an abort the traffic is on blue; going on needs a new approval and ramps anew."""
    place.run("approve", "before-cutover")
    assert place.run("run", "--until", "before-full").code == 0
    aborted = place.run("abort")
    assert aborted.code == 0
    assert aborted.out == "shop: 0 % on green\n"
    assert place.green() == 0
    ended = place.run("run")
    assert ended.code == 20
    assert "all/before-cutover needs an approval" in ended.err
    assert place.run("approve", "before-cutover").code == 0
    finished = place.run("run")
    assert finished.code == 0, finished.all
    assert place.green() == 100


def test_abort_after_the_writers_says_what_stays_on_green(place: Place) -> None:
    """Workloads that moved stay moved: the message names how many, and the way to bring them back."""
    place.run("approve", "before-cutover")
    assert place.run("run").code == 0
    aborted = place.run("abort")
    assert aborted.code == 0
    assert "6 workloads have moved to green and are off on blue" in aborted.err
    assert "cnimigrate rollback --to verify --accept-data-loss" in aborted.err


# --- the ramp ----------------------------------------------------------------------------------------------------


def test_a_broken_green_gives_the_traffic_back_by_itself(place: Place) -> None:
    """Errors above the threshold: weights go back, exit 30 with the count; mended, the move ends."""
    place.run("approve", "before-cutover")
    with place.world() as world:
        world.failures.fail_requests(Side.GREEN, 50)
    ended = place.run("run")
    assert ended.code == 30, ended.all
    assert "shop went back to 0 % on green by itself" in ended.err
    assert "requests" in ended.err
    assert place.green() == 0
    with place.world() as world:
        world.failures.forgive()
    finished = place.run("run")
    assert finished.code == 0, finished.all
    assert place.green() == 100


def test_too_few_requests_hold_the_weight(tmp_path: Path) -> None:
    """No samples is inconclusive, never a pass: the weight holds, exit 30; judged again with enough, it goes on."""
    place = demo(tmp_path / "it", minSamples=100000000)
    at_gate(place)
    place.run("approve", "before-cutover")
    ended = place.run("run")
    assert ended.code == 30
    assert "shop holds its weight" in ended.err
    assert "100000000 samples are needed" in ended.err
    assert place.green() == 1


# --- doubt -------------------------------------------------------------------------------------------------------


def test_a_foreign_object_is_met_before_anything_is_written(tmp_path: Path) -> None:
    """Exit 33 with its name and no act in doubt; the plan shows it, and adopted by the file the run goes on."""
    place = demo(tmp_path / "it")
    assert place.run("run", "--until", "build").code == 0
    with place.world() as world:
        other = SimulatedCluster(world.store, Side.GREEN, manager="kubectl")
        namespaces = next(r for r in other.resources() if r.kind == "Namespace")
        theirs = world.cluster(Side.BLUE).get(namespaces, "shop") or {}
        labels = {k: v for k, v in theirs["metadata"]["labels"].items() if k != "kubernetes.io/metadata.name"}
        foreign = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}
        other.write(Write(Verb.CREATE, namespaces, "shop", body=foreign))
    ended = place.run("run")
    assert ended.code == 33, ended.all
    assert "shop" in ended.err
    assert "onConflict: adopt" in ended.err
    assert not place.progress().in_doubt()
    planned = place.run("plan")
    assert "1 name of ours taken by objects of others" in planned.out
    shown = json.loads(place.run("plan", "--kind", "Namespace", "-o", "json").out)
    (one,) = shown["takenOnGreen"]
    assert (one["name"], one["policy"], one["equal"]) == ("shop", "stop", True)
    assert [d["onGreen"]["policy"] for d in shown["decisions"] if d["onGreen"]] == ["stop"]
    assert "green has one of its own" in place.run("plan", "--object", "Namespace/shop").out
    rule = {"kind": "Namespace", "name": "shop", "onConflict": "adopt", "reason": "made for us"}
    content = yaml.safe_load(place.file.read_text())
    content.setdefault("workloads", {}).setdefault("rules", []).append(rule)
    place.file.write_text(yaml.safe_dump(content))
    assert place.run("amend", "--yes").code == 0
    ended = place.run("run")
    assert ended.code == 20, ended.all
    assert place.effects()["apply green namespaces shop"] == 1  # it has our marks now
    assert "create green namespaces shop" not in place.effects()


def test_resolve_what_is_in_the_way_back(tmp_path: Path) -> None:
    """Something of another hand lies in what is to be deleted: exit 33 with its key; settled by a person, it goes on."""
    place = demo(tmp_path / "it")
    assert place.run("run", "--until", "replay").code == 0
    with place.world() as world:
        other = SimulatedCluster(world.store, Side.GREEN, manager="kubectl")
        maps = next(r for r in other.resources() if r.kind == "ConfigMap")
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs", "namespace": "shop"}}
        other.write(Write(Verb.CREATE, maps, "theirs", "shop", body=body))
    ended = place.run("rollback", "--to", "build")
    assert ended.code == 33, ended.all
    assert "delete green Namespace shop" in ended.err
    nothing = place.run("resolve", "no such thing", "--as", "absent", "--reason", "x")
    assert nothing.code == 2
    assert "In doubt: " in nothing.err
    key = place.progress().in_doubt()[0].action.key
    settled = place.run("resolve", key, "--as", "done", "--reason", "the platform team keeps it")
    assert settled.code == 0
    assert f"{key} is done; cnimigrate run goes on" in settled.out
    assert not place.progress().in_doubt()
    assert place.run("rollback", "--to", "build").code == 0


# --- looking -----------------------------------------------------------------------------------------------------


def test_nothing_goes_on_with_a_run_that_was_not_begun(tmp_path: Path) -> None:
    """Exit 2 with the way to begin; and none of these begins one."""
    place = demo(tmp_path / "it")
    for words in (
        ("status",),
        ("approve", "before-cutover"),
        ("revoke", "before-cutover"),
        ("rollback",),
        ("rollback", "--dry-run"),
        ("resolve", "x", "--as", "done", "--reason", "y"),
        ("export",),
        ("abort",),
        ("amend", "--yes"),
    ):
        ended = place.run(*words)
        assert ended.code == 2, (words, ended.all)
        assert "demo has not been begun" in ended.err
        assert not (place.state / "journal.db").exists(), words


def test_status_in_every_form(place: Place) -> None:
    """Text for a person; JSON and YAML say the same with a schema version."""
    text = place.run("status").out
    assert text.startswith("demo  cutover   run ")
    assert "waits    all/before-cutover needs an approval" in text
    assert "back     cnimigrate rollback: " in text
    found = json.loads(place.run("status", "-o", "json").out)
    assert found == yaml.safe_load(place.run("status", "-o", "yaml").out)
    assert found["schemaVersion"] == 1
    assert found["next"] == "cutover.begin"
    assert found["inDoubt"] == []


def test_export_is_the_journal_with_its_head(place: Place) -> None:
    """One JSON value a line, to stdout or to a file; the run's key is not among it."""
    out = place.folder / "evidence.jsonl"
    written = place.run("export", "--out", str(out))
    assert written.code == 0
    printed = place.run("export")
    lines = [json.loads(line) for line in printed.out.splitlines()]
    assert [json.loads(line) for line in out.read_text().splitlines()] == lines
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert f"{len(lines)} entries, head {lines[-1]['hash']}" in printed.err
    refused = place.run("export", "--out", str(place.folder / "no" / "such" / "place"))
    assert refused.code == 30
    assert "cannot be written: No such file or directory" in refused.err


def test_unlock_says_whose_lease_it_took(place: Place) -> None:
    """Without a Lease it says so; the remark is journalled with its reason."""
    ended = place.run("unlock", "--reason", "ops1 burnt down")
    assert ended.code == 0
    assert ended.out == "unlocked: there was no Lease\n"
    remarks = place.progress().remarks
    assert remarks[-1].data["what"] == "unlock"
    assert remarks[-1].data["reason"] == "ops1 burnt down"


def test_schema_is_a_json_schema_of_the_file(place: Place) -> None:
    """It is JSON, and knows the file's top-level keys."""
    found = json.loads(subprocess.run([*ARGV, "schema"], capture_output=True, text=True, check=True).stdout)
    written = yaml.safe_load(place.file.read_text())
    assert set(written) <= set(found["properties"])


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(command: str) -> None:
    """`--help` exits 0, and shows the command as it is typed."""
    done = subprocess.run([*ARGV, command, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"  cnimigrate {command}" in done.stdout
    assert COMMANDS[command]


def test_help_and_status_import_no_kubernetes(place: Place) -> None:
    """They are typed often, and at night: nothing heavy is loaded."""
    for words in (["--help"], ["status", "-f", "demo.yaml"]):
        probe = (
            "import sys, atexit; from migrate.cli.app import main;"
            "atexit.register(lambda: sys.stderr.write('LOADED' if 'kubernetes' in sys.modules else 'light'));"
            f"main({words!r})"
        )
        done = subprocess.run(
            [*ARGV[:2], probe], cwd=place.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0
        assert done.stderr.endswith("light")


def test_completion_by_the_shell(place: Place) -> None:
    """Click's own protocol, as bash asks it: commands by their beginning."""
    program = Path(ARGV[0]).with_name("cnimigrate")
    env = {"_CNIMIGRATE_COMPLETE": "bash_complete", "COMP_WORDS": "cnimigrate ro", "COMP_CWORD": "1"}
    done = subprocess.run(
        [str(program)], cwd=place.folder, env=environment(env), capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["plain,rollback"]
