"""How the limit on requests in flight follows the server."""

from __future__ import annotations

import asyncio

from migrate.kube.pace import Pace


class Now:
    """A clock that goes when it is told."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_quick_answers_widen_up_to_the_most() -> None:
    """One more in flight for every round of answers, and never more than the connections that are kept."""
    pace = Pace(start=4, most=6)
    for _ in range(5):
        pace.answered(0.0, 0.01)
    assert pace.limit == 5
    for _ in range(1000):
        pace.answered(0.0, 0.01)
    assert pace.limit == 6


def test_a_refusal_halves_once_a_round() -> None:
    """What was under way at the time of a cut does not cut again; what began afterwards does."""
    now = Now()
    pace = Pace(start=16, most=64, clock=now)
    now.time = 10.0
    for _ in range(16):
        pace.refused(9.0)
    assert pace.limit == 8
    pace.refused(10.5)
    assert pace.limit == 4


def test_the_limit_never_ends_at_nothing() -> None:
    """A server that refuses everything is still asked, one request at a time."""
    now = Now()
    pace = Pace(start=2, most=64, clock=now)
    for second in range(10):
        now.time = float(second)
        pace.refused(now.time)
    assert pace.limit == 1


def test_slow_answers_stop_the_growth_and_very_slow_ones_narrow() -> None:
    """A queue inside the server shows as latency long before it refuses."""
    pace = Pace(start=16, most=64)
    pace.answered(0.0, 0.02)
    for _ in range(200):
        pace.answered(0.0, 0.12)
    held = pace.limit
    for _ in range(100):
        pace.answered(0.0, 0.12)
    assert pace.limit == held
    for moment in range(60):
        pace.answered(float(moment) * 1e6 + 1e9, 3.0)
    assert pace.limit < held


def test_fast_jitter_is_no_queue() -> None:
    """Answers of a few milliseconds may differ tenfold and mean nothing."""
    pace = Pace(start=16, most=64)
    pace.answered(0.0, 0.001)
    for _ in range(200):
        pace.answered(0.0, 0.015)
    assert pace.limit > 16


def test_a_slot_is_waited_for() -> None:
    """With every slot taken the next one waits until one is given back, and who came first is first."""

    async def three() -> list[str]:
        pace, order = Pace(start=1, most=1), []

        async def one(name: str) -> None:
            await pace.take()
            order.append(name)

        await pace.take()
        waiting = [asyncio.ensure_future(one(name)) for name in ("first", "second")]
        await asyncio.sleep(0)
        assert not order
        for task in waiting:
            pace.give()
            await task
        return order

    assert asyncio.run(three()) == ["first", "second"]


def test_a_wider_limit_lets_in_who_waits() -> None:
    """Room that quick answers make is used at once, not when the next slot is given back."""

    async def widened() -> bool:
        pace = Pace(start=1, most=2)
        await pace.take()
        second = asyncio.ensure_future(pace.take())
        await asyncio.sleep(0)
        pace.answered(0.0, 0.01)
        await asyncio.wait_for(second, 5)
        return True

    assert asyncio.run(widened())
