"""What a ramp's figures mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.actions.judging import Seen, Thresholds, hopeless, judge
from migrate.model.verdict import Result

LIMITS = Thresholds(0.001, 1.5, 3000)


def results(seen: Seen, limits: Thresholds = LIMITS) -> dict[str, Result]:
    """Each check's result."""
    return {v.check: v.result for v in judge("shop", seen, limits)}


def test_nothing_seen_is_inconclusive() -> None:
    """No samples is never a pass, and nothing is said of latencies that nobody measured."""
    assert results(Seen()) == {"shop errors": Result.INCONCLUSIVE}


@pytest.mark.parametrize(
    ("seen", "result"),
    [
        (Seen(requests=2999), Result.INCONCLUSIVE),
        (Seen(requests=3000), Result.PASS),
        (Seen(requests=2000, probes=1000), Result.PASS),
        (Seen(requests=3000, errors=3), Result.PASS),
        (Seen(requests=3000, errors=4), Result.FAIL),
        (Seen(requests=100, errors=4), Result.FAIL),
        (Seen(requests=100, errors=3), Result.INCONCLUSIVE),
        (Seen(requests=5000, errors=5), Result.PASS),
        (Seen(requests=5000, errors=6), Result.FAIL),
        (Seen(requests=90000, probes=100, probe_errors=100), Result.FAIL),
    ],
)
def test_errors(seen: Seen, result: Result) -> None:
    """Errors are held against the limit, over what was seen or must be seen at least."""
    assert results(seen)["shop errors"] is result


@pytest.mark.parametrize(
    ("p99", "blue", "factor", "result"),
    [
        (0.150, 0.1, 1.5, Result.PASS), (0.160, 0.1, 1.5, Result.PASS), (0.161, 0.1, 1.5, Result.FAIL),
        (9.0, 0.1, 0.0, None), (9.0, 0.0, 1.5, None), (0.0, 0.1, 1.5, None),
    ],
)  # fmt: skip
def test_latency(p99: float, blue: float, factor: float, result: Result | None) -> None:
    """p99 is held against blue's, with a margin for noise, where both are known and the file wants it."""
    seen = Seen(requests=3000, p99=p99, blue_p99=blue)
    assert results(seen, Thresholds(0.001, factor, 3000)).get("shop latency") is result


def test_a_pass_says_what_is_known() -> None:
    """Without failures the 95 % bound is the rule of three; with failures only their rate is claimed."""
    clean, some = (judge("shop", Seen(requests=3000, errors=n), LIMITS)[0].evidence for n in (0, 2))
    assert "under 0.100% at 95 %" in clean
    assert "0.067%, limit 0.100%" in some
    assert "95 %" not in some


counts = st.integers(0, 10_000)


@given(requests=counts, errors=counts, probes=counts, probe_errors=counts, minimum=st.integers(1, 5000))
def test_few_samples_never_pass(
    requests: int, errors: int, probes: int, probe_errors: int, minimum: int
) -> None:
    """Whatever was counted, fewer samples than asked for do not pass; what is hopeless fails."""
    seen = Seen(requests, min(errors, requests), probes, min(probe_errors, probes))
    limits = Thresholds(0.001, 0.0, minimum)
    result = results(seen, limits)["shop errors"]
    if requests + probes < minimum:
        assert result is not Result.PASS
    assert (result is Result.FAIL) is hopeless(seen, limits)


def test_thresholds_survive_the_journal() -> None:
    """Thresholds read back as they were written."""
    assert Thresholds.of_json(LIMITS.as_json()) == LIMITS
