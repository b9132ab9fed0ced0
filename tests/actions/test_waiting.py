"""Waits, watches, weights and records: what only looks, and what sets a weight and reads it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from migrate.actions.judging import Thresholds
from migrate.actions.ramping import Watch, watch
from migrate.actions.record import Record, record
from migrate.actions.traffic import BY_HAND, Weight, weigh
from migrate.actions.wait import Condition, Wait, wait
from migrate.doors.doors import Doors
from migrate.doors.traffic import Counts, Share
from migrate.errors import Fenced, Refused, Transient, Unreachable
from migrate.model.action import Action, Outcome, OutcomeState, State
from migrate.model.ids import RouteName, Side
from migrate.model.verdict import Result, Verdict, failed, inconclusive, passed
from migrate.simulation.faults import FaultyTraffic, Fuse, behind
from tests.actions.conftest import Bench
from tests.engine.doubles import LOST

SHOP = RouteName("shop")
LIMITS = Thresholds(0.001, 1.5, 1000)


# --- wait --------------------------------------------------------------------------------------------------------


def waited(
    bench: Bench, *looks: Sequence[Verdict] | Exception, deadline: float = 60.0
) -> tuple[Outcome, int]:
    """Wait while a condition says one thing after the other, its last word over and over."""
    said = list(looks)
    asked = 0

    def condition(doors: Doors, params: Mapping[str, Any]) -> Sequence[Verdict]:
        nonlocal asked
        asked += 1
        word = said.pop(0) if len(said) > 1 else said[0]
        if isinstance(word, Exception):
            raise word
        return word

    conditions: dict[str, Condition] = {"c": condition}
    handler = Wait(bench.doors, conditions, bench.events.append, bench.stop, bench.lock)
    action = wait("c", "the thing", deadline)
    (outcome,) = handler.act(handler.prepare([action]))
    assert handler.observe(action).state is State.ABSENT
    return outcome, asked


def test_what_is_there_is_not_waited_for(bench: Bench) -> None:
    """A condition that passes at the first look takes no time."""
    before = bench.doors.clock.now()
    outcome, asked = waited(bench, [passed("x", "there")])
    assert (outcome.state, asked, bench.doors.clock.now()) == (OutcomeState.DONE, 1, before)


def test_a_wait_asks_until_all_passes(bench: Bench) -> None:
    """A wait goes on while anything is open, says what it waits for once, and keeps its lease."""
    outcome, asked = waited(
        bench, [inconclusive("x", "not yet")], [inconclusive("x", "not yet")], [passed("x")]
    )
    assert (outcome.state, asked) == (OutcomeState.DONE, 3)
    assert [e.text for e in bench.events] == ["waiting for the thing: not yet"]
    assert bench.lock.renewed == [60.0, 60.0]


@pytest.mark.parametrize(("looks", "seconds"), [(1, 0.2), (3, 0.8), (5, 3.2), (7, 7.2)])
def test_the_first_looks_come_soon(looks: int, seconds: float, bench: Bench) -> None:
    """What holds within a second is not waited for longer; what takes long is asked about every two."""
    before = bench.doors.clock.now()
    waited(bench, *[[inconclusive("x", "not yet")]] * looks, [passed("x")])
    assert (bench.doors.clock.now() - before).total_seconds() == pytest.approx(seconds, abs=0.05)


def test_a_wait_ends_at_its_deadline(bench: Bench) -> None:
    """At the deadline the wait fails with its open verdicts, and time did not run further."""
    before = bench.doors.clock.now()
    outcome, _ = waited(bench, [passed("y"), failed("x", "broken", "Mend x.")], deadline=7.0)
    assert (outcome.state, outcome.remedy) == (OutcomeState.FAILED, "Mend x.")
    assert "broken" in outcome.evidence
    assert (bench.doors.clock.now() - before).total_seconds() == pytest.approx(7.0, abs=0.05)


def test_a_wait_that_sees_nothing_is_no_pass(bench: Bench) -> None:
    """A condition without verdicts is never taken for fulfilled."""
    outcome, _ = waited(bench, [], deadline=4.0)
    assert outcome.state is OutcomeState.FAILED
    assert [v.result for v in outcome.verdicts] == [Result.INCONCLUSIVE]


def test_a_wait_survives_a_cluster_that_is_away(bench: Bench) -> None:
    """A look that fails is inconclusive, and the next one may pass."""
    outcome, asked = waited(bench, LOST, [passed("x")])
    assert (outcome.state, asked) == (OutcomeState.DONE, 2)


def test_a_signal_ends_a_wait(bench: Bench) -> None:
    """After a signal the wait ends as not done, and nothing has failed."""
    bench.stop.receive(15)
    outcome, asked = waited(bench, [inconclusive("x", "not yet")])
    assert (outcome.state, asked) == (OutcomeState.ABSENT, 1)


# --- watch -------------------------------------------------------------------------------------------------------


def watched(bench: Bench, doors: Doors | None = None, **more: Any) -> Outcome:
    """Watch the route with everything on green."""
    handler = Watch(doors or bench.doors, bench.events.append, bench.stop, bench.lock)
    params: dict[str, Any] = {
        "pause": 30.0,
        "rate": 10,
        "limits": LIMITS,
        "attempt": 1,
        "weight": 100,
        **more,
    }
    action = watch("shop at 100 %", SHOP, **params)
    (outcome,) = handler.act(handler.prepare([action]))
    assert handler.observe(action).state is State.ABSENT
    return outcome


def serving_green(bench: Bench) -> None:
    """Let green answer for the route: the same Service with ready endpoints as on blue."""
    bench.doors.traffic.set(SHOP, 100)
    for table in ("objects",):
        rows = bench.world.store.rows(
            f"SELECT grp, plural, ns, name, uid, rv, body, fields FROM {table} WHERE side = 'blue' AND ns = 'shop'"
        )
        bench.world.store.run_many(
            f"INSERT OR IGNORE INTO {table} (side, grp, plural, ns, name, uid, rv, body, fields) VALUES ('green', ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


def test_a_good_weight_passes(bench: Bench) -> None:
    """Enough good answers over the whole pause pass, by count and by latency."""
    serving_green(bench)
    before = bench.doors.clock.now()
    outcome = watched(bench)
    assert outcome.state is OutcomeState.DONE
    assert {v.check for v in outcome.verdicts} == {"shop at 100 % errors", "shop at 100 % latency"}
    assert (bench.doors.clock.now() - before).total_seconds() == pytest.approx(30, abs=1)


def test_a_broken_green_fails_before_the_pause_is_over(bench: Bench) -> None:
    """A rate that is lost is not watched to the end."""
    bench.doors.traffic.set(SHOP, 100)
    before = bench.doors.clock.now()
    outcome = watched(bench, pause=3600.0)
    assert outcome.state is OutcomeState.FAILED
    assert (bench.doors.clock.now() - before).total_seconds() < 600


def test_a_slow_green_fails(bench: Bench) -> None:
    """A p99 far above blue's fails."""
    serving_green(bench)
    bench.world.failures.slow(Side.GREEN, 10.0)
    assert [v.check for v in watched(bench).verdicts if v.result is Result.FAIL] == ["shop at 100 % latency"]


def test_too_few_samples_are_waited_for(bench: Bench) -> None:
    """Missing samples prolong the watch to its patience, and are inconclusive then."""
    serving_green(bench)
    before = bench.doors.clock.now()
    outcome = watched(bench, limits=Thresholds(0.001, 0.0, 10**6), patience=3)
    assert [v.result for v in outcome.verdicts] == [Result.INCONCLUSIVE]
    assert (bench.doors.clock.now() - before).total_seconds() >= 90


def test_a_signal_ends_a_watch(bench: Bench) -> None:
    """After a signal the watch ends as not done."""
    serving_green(bench)
    bench.stop.receive(2)
    assert watched(bench).state is OutcomeState.ABSENT


def test_a_balancer_that_is_away_is_inconclusive(bench: Bench) -> None:
    """A watch that cannot look judges nothing: inconclusive, never a pass."""
    doors = behind(bench.doors, Fuse(2, only=lambda w: w.startswith("traffic counts"), raises=lambda: LOST))
    outcome = watched(bench, doors)
    assert [v.result for v in outcome.verdicts] == [Result.INCONCLUSIVE]


def test_a_restarted_balancer_counts_from_zero(bench: Bench) -> None:
    """Counters that began anew are added to what was seen, and never subtracted."""
    serving_green(bench)
    answers = iter([(500, 0, "1"), (900, 0, "1"), (100, 1, "2"), (300, 1, "2"), (1500, 1, "2")])

    class Restarting(Fuse):
        def around(self, words: str, call: Any) -> Any:
            if not words.startswith("traffic counts"):
                return call()
            requests, errors, epoch = next(answers)
            return {side: Counts(requests, errors, epoch=epoch) for side in Side}

    outcome = watched(bench, behind(bench.doors, Restarting()), limits=Thresholds(0.5, 0.0, 1))
    assert "1 of 1900 requests" in outcome.evidence


def test_a_balancer_without_counts_is_judged_by_probes(bench: Bench) -> None:
    """Where the mechanism counts nothing, the prober alone speaks."""
    serving_green(bench)

    class Mute(Fuse):
        def around(self, words: str, call: Any) -> Any:
            return None if words.startswith("traffic counts") else call()

    outcome = watched(bench, behind(bench.doors, Mute()), limits=Thresholds(0.1, 0.0, 10))
    assert "0 of 0 requests" in outcome.evidence
    assert outcome.state is OutcomeState.DONE


# --- weight ------------------------------------------------------------------------------------------------------


def weighed(bench: Bench, green: int, doors: Doors | None = None) -> tuple[Action, Outcome]:
    """Set a weight."""
    handler = Weight((doors or bench.doors).traffic)
    (prepared,) = handler.prepare([weigh(SHOP, green, command="")])
    (outcome,) = handler.act([prepared])
    return prepared, outcome


def test_a_weight_is_set_read_back_and_taken_back(bench: Bench) -> None:
    """A weight stands in the balancer; its inverse sets the former one."""
    weighed(bench, 5)
    prepared, outcome = weighed(bench, 25)
    assert (outcome.state, outcome.facts["green"]) == (OutcomeState.DONE, 25)
    handler = Weight(bench.doors.traffic)
    assert handler.observe(prepared).state is State.DONE
    assert prepared.inverse is not None
    (back,) = handler.act([prepared.inverse])
    assert back.state is OutcomeState.DONE
    assert bench.doors.traffic.read(SHOP).green == 5
    assert handler.observe(prepared).state is State.ABSENT


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Refused("no"), OutcomeState.FAILED), (Transient("later"), OutcomeState.FAILED),
        (Unreachable("gone"), OutcomeState.UNKNOWN),
    ],
)  # fmt: skip
def test_a_balancer_that_does_not_take_it(bench: Bench, error: Exception, state: OutcomeState) -> None:
    """A refusal fails, silence is in doubt."""
    doors = behind(bench.doors, Fuse(1, only=lambda w: w.startswith("traffic set"), raises=lambda: error))
    assert weighed(bench, 5, doors)[1].state is state


def reading(bench: Bench, share: Share) -> Doors:
    """Doors whose balancer reads as given, whatever is set."""

    class Other(Fuse):
        def around(self, words: str, call: Any) -> Any:
            return share if words.startswith("traffic read") else call()

    return behind(bench.doors, Other())


def test_a_weight_that_does_not_stand_is_a_failure(bench: Bench) -> None:
    """What reads back otherwise failed, whatever the balancer answered; observing says so, too."""
    doors = reading(bench, Share(0, {}))
    prepared, outcome = weighed(bench, 5, doors)
    assert outcome.state is OutcomeState.FAILED
    assert "set to 5 % but reads 0 %" in outcome.evidence
    assert Weight(doors.traffic).observe(prepared).state is State.ABSENT


def test_servers_that_differ_are_told(bench: Bench) -> None:
    """Where the servers of one side differ the evidence says how."""
    _, outcome = weighed(bench, 5, reading(bench, Share(5, {}, consistent=False, detail="g1 differs")))
    assert outcome.evidence == "shop: 5 % on green (g1 differs)"


def test_a_weight_that_a_person_turns_is_waited_for(bench: Bench) -> None:
    """By hand a weight is not there yet, and has not failed; once it reads as wanted it is done."""

    class ByHand(FaultyTraffic):
        kind = BY_HAND

        def set(self, route: RouteName, green: int) -> None:
            """Only a person can."""

    (outcome,) = Weight(ByHand(bench.doors.traffic, Fuse())).act([weigh(SHOP, 5, command="")])
    assert (outcome.state, outcome.facts["byHand"]) == (OutcomeState.ABSENT, True)
    bench.doors.traffic.set(SHOP, 5)
    (outcome,) = Weight(ByHand(bench.doors.traffic, Fuse())).act([weigh(SHOP, 5, command="")])
    assert outcome.state is OutcomeState.DONE


# --- record ------------------------------------------------------------------------------------------------------


def test_a_record_ends_as_its_verdicts(bench: Bench) -> None:
    """Verdicts that pass are done; a failed or inconclusive one fails with the first remedy; facts are in the intent."""
    handler = Record()
    good = record("parity", [passed("a", "1 of 1")], facts={"n": 1})
    bad = record("parity", [passed("a"), *(inconclusive(f"c{n}", "no samples", "Wait.") for n in range(7))])
    one, other = handler.act(handler.prepare([good, bad]))
    assert (one.state, one.evidence) == (OutcomeState.DONE, "1 of 1")
    assert good.params["facts"] == {"n": 1}
    assert (other.state, other.remedy) == (OutcomeState.FAILED, "Wait.")
    assert other.evidence.splitlines()[-1].strip() == "and 2 more"
    assert len(other.verdicts) == 8
    assert handler.observe(good).state is State.ABSENT


def test_a_fenced_wait_leaves_at_once(bench: Bench) -> None:
    """A wait whose lease was taken does not go on waiting."""
    bench.lock.raises = Fenced("taken")
    with pytest.raises(Fenced):
        waited(bench, [inconclusive("x", "not yet")])
