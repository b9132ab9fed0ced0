"""The operator's own programs, and the examples of their page."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pytest

from migrate.cutovers.command import CommandTraffic
from migrate.doors.traffic import Counts, Share
from migrate.errors import MigrationFileError, NotFound, Refused, Transient, Unreachable
from migrate.model.ids import RouteName, Side
from migrate.model.migration import CommandTraffic as CommandSpec
from migrate.model.migration import Cutover, RouteSpec
from tests.cutovers.clocks import StillClock
from tests.cutovers.examples import example

SHOP = RouteName("shop")
PAGE = "cutover-command.md"


def traffic_of(
    read: str = "print(0)", set_: str = "", counts: str | None = None, deadline: str = "20s"
) -> CommandTraffic:
    """Traffic by three pieces of Python; `{route}` and `{green}` follow as arguments."""

    def words(code: str) -> tuple[str, ...]:
        return (sys.executable, "-c", code, "{route}", "{green}")

    spec = CommandSpec(
        read=words(read),
        set=words(set_),
        counts=words(counts) if counts is not None else (),
        deadline=deadline,
    )
    return CommandTraffic(
        Cutover(kind="command", command=spec, routes=(RouteSpec(name="shop"),)), StillClock()
    )


def test_read_takes_the_programs_answer() -> None:
    """Every field of the answer arrives in the share."""
    answer = '{"green": 25, "servers": {"g1": "up", "g2": 3}, "consistent": false, "detail": "g2 lags"}'
    assert traffic_of(f"print('{answer}')").read(SHOP) == Share(25, {"g1": "up", "g2": "3"}, False, "g2 lags")


def test_only_green_is_required() -> None:
    """The rest has defaults."""
    assert traffic_of("""print('{"green": 0}')""").read(SHOP) == Share(0, {})


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ("", "no JSON"),
        ("fine", "no JSON"),
        ("[25]", "no JSON object"),
        ("{}", "whole number"),
        ('{"green": true}', "whole number"),
        ('{"green": 101}', "whole number"),
        ('{"green": -1}', "whole number"),
        ('{"green": 2.5}', "whole number"),
        ('{"green": "25"}', "whole number"),
        ('{"green": 25, "servers": []}', "object of texts"),
    ],
)
def test_an_answer_out_of_the_contract_is_refused(printed: str, words: str) -> None:
    """What is no answer is never read as 0 percent."""
    with pytest.raises(Refused, match=words):
        traffic_of(f"print({printed!r})").read(SHOP)


def test_set_hands_over_route_and_percentage_and_reads_back(tmp_path: Path) -> None:
    """By arguments and by environment; other braces in arguments stay as they are."""
    note = tmp_path / "note"
    set_ = (
        "import os, sys; open(NOTE, 'w').write(' '.join([*sys.argv[1:], '{x}', os.environ['CNIMIGRATE_OPERATION'],"
        " os.environ['CNIMIGRATE_ROUTE'], os.environ['CNIMIGRATE_GREEN'], 'PATH' if 'PATH' in os.environ else '']))"
    ).replace("NOTE", repr(str(note)))
    traffic_of("""print('{"green": 25}')""", set_).set(SHOP, 25)
    assert note.read_text() == "shop 25 {x} set shop 25 PATH"


def test_a_set_that_reads_back_otherwise_is_refused() -> None:
    """Exit 0 alone is no success."""
    with pytest.raises(Refused, match="to 25 ended well, but read says 20"):
        traffic_of("""print('{"green": 20}')""").set(SHOP, 25)


def test_a_refusal_carries_the_end_of_stderr() -> None:
    """What the program said last is what the operator reads; a long story is cut at its beginning."""
    code = "import sys; sys.exit('x' * 9000 + ' the pool is locked')"
    with pytest.raises(Refused, match=r"refused \(exit 1\): x+ the pool is locked") as caught:
        traffic_of(set_=code).set(SHOP, 5)
    assert caught.value.reason == "exit 1"
    assert len(str(caught.value)) < 12_000
    assert str(caught.value).count("x" * 2001) == 0


@pytest.mark.parametrize(("code", "error"), [(75, Transient), (74, Unreachable), (1, Refused), (2, Refused)])
def test_exit_codes_tell_what_happened(code: int, error: type[Exception]) -> None:
    """75 is nothing happened, 74 is not known, any other a refusal."""
    with pytest.raises(error):
        traffic_of(set_=f"raise SystemExit({code})").set(SHOP, 5)


def test_a_program_that_was_killed_leaves_the_outcome_in_doubt() -> None:
    """A signal is no refusal."""
    with pytest.raises(Unreachable, match="ended by SIGKILL"):
        traffic_of(set_="import os; os.kill(os.getpid(), 9)").set(SHOP, 5)


def test_a_program_that_is_not_there_did_nothing() -> None:
    """It is refused, with the system's word."""
    spec = CommandSpec(read=("./none-such",), set=("./none-such",))
    with pytest.raises(Refused, match=r"\./none-such cannot be started: No such file"):
        CommandTraffic(Cutover(kind="command", command=spec), StillClock()).read(RouteName("default"))


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_deadline_ends_the_whole_process_group(tmp_path: Path) -> None:
    """A program that ignores SIGTERM and the child it started are both gone, and the outcome is in doubt."""
    note = tmp_path / "pids"
    set_ = (
        "import os, signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        f"open({str(note)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}');"
        "print('halfway', file=sys.stderr, flush=True); time.sleep(600)"
    )
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"did not end within 10 s and was killed.*: halfway"):
        traffic_of(set_=set_, deadline="10s").set(SHOP, 5)
    assert time.monotonic() - began < 120
    pids = [int(pid) for pid in note.read_text().split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 60
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [pid for pid in pids if alive(pid)] == []


def test_what_a_program_leaves_running_does_not_hold_us(tmp_path: Path) -> None:
    """A child that keeps standard output open is ended with its group, and the answer is read."""
    read = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        """print('{"green": 1}')"""
    )
    began = time.monotonic()
    assert traffic_of(read, deadline="120s").read(SHOP).green == 1
    assert time.monotonic() - began < 100


def test_counts_are_taken_by_side() -> None:
    """Requests are required, errors and sessions default to 0."""
    answer = '{"blue": {"requests": 9, "errors": 1, "sessions": 2}, "green": {"requests": 4}, "epoch": 7}'
    counts = traffic_of(counts=f"print('{answer}')").counts(SHOP)
    assert counts == {Side.BLUE: Counts(9, 1, 2, "7"), Side.GREEN: Counts(4, 0, 0, "7")}


def test_without_counts_only_probes_speak() -> None:
    """No program, or one that prints null."""
    assert traffic_of().counts(SHOP) is None
    assert traffic_of(counts="print('null')").counts(SHOP) is None


@pytest.mark.parametrize(
    "printed", ['{"blue": {"requests": 1}}', '{"blue": {"requests": -1}, "green": {}}', "{}"]
)
def test_counts_out_of_the_contract_are_refused(printed: str) -> None:
    """A missing side or number is never read as 0."""
    with pytest.raises(Refused, match="counts of shop"):
        traffic_of(counts=f"print('{printed}')").counts(SHOP)


def test_unknown_routes_and_percentages_are_refused_before_any_program_runs() -> None:
    """Nothing is started for them."""
    traffic = traffic_of(read="raise SystemExit('ran')", set_="raise SystemExit('ran')")
    with pytest.raises(NotFound):
        traffic.read(RouteName("other"))
    with pytest.raises(Refused, match="no percentage"):
        traffic.set(SHOP, 101)


def test_a_file_without_the_part_says_what_to_write() -> None:
    """kind: command needs command."""
    with pytest.raises(MigrationFileError) as caught:
        CommandTraffic(Cutover(kind="command"), StillClock())
    assert "cutover.command is missing" in caught.value.problems[0]


class TestTheFileExample:
    """The page's second example, as printed there."""

    @pytest.fixture
    def traffic(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandTraffic:
        script = example(PAGE, "sh", tmp_path / "turn")
        (tmp_path / "shop.conf").write_text('split_clients "$request_id" $side {\n    * blue;\n}\n')
        for name, value in {"SPLITS": str(tmp_path), "CHECK": "true", "RELOAD": "true"}.items():
            monkeypatch.setenv(name, value)
        spec = CommandSpec(read=(script, "read", "{route}"), set=(script, "set", "{route}", "{green}"))
        return CommandTraffic(
            Cutover(kind="command", command=spec, routes=(RouteSpec(name="shop"),)), StillClock()
        )

    def test_it_sets_and_reads_every_stage(self, traffic: CommandTraffic, tmp_path: Path) -> None:
        """0 leaves the line out, because nginx takes no 0 %."""
        for green in (0, 1, 25, 100, 0):
            traffic.set(SHOP, green)
            assert traffic.read(SHOP).green == green
            assert ("% green" in (tmp_path / "shop.conf").read_text()) == (green > 0)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["shop.conf", "turn"]

    def test_a_configuration_that_does_not_check_is_put_back(
        self, traffic: CommandTraffic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The refusal leaves the split as it was."""
        traffic.set(SHOP, 25)
        monkeypatch.setenv("CHECK", "false")
        with pytest.raises(Refused, match="exit 1"):
            traffic.set(SHOP, 50)
        assert traffic.read(SHOP).green == 25


def test_the_page_names_the_exit_codes_and_variables_that_hold() -> None:
    """What is promised on the page is what the code does."""
    page = (Path(__file__).parents[2] / "docs" / PAGE).read_text()
    assert re.search(rf"\| {os.EX_TEMPFAIL} \(`EX_TEMPFAIL`\)", page)
    assert re.search(rf"\| {os.EX_IOERR} \(`EX_IOERR`\)", page)
    for name in ("CNIMIGRATE_OPERATION", "CNIMIGRATE_ROUTE", "CNIMIGRATE_GREEN"):
        assert name in page
