"""What a ramp's figures mean: pass, fail or inconclusive. Pure: numbers in, verdicts out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migrate.model.verdict import Verdict, failed, inconclusive, passed


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When to go back: `error_rate` as a fraction, `p99_factor` times blue's p99 (0 leaves latency out)."""

    error_rate: float
    p99_factor: float
    min_samples: int

    def as_json(self) -> dict[str, Any]:
        """The thresholds as an Action's parameters."""
        return {"errorRate": self.error_rate, "p99Factor": self.p99_factor, "minSamples": self.min_samples}

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Thresholds:
        """Read back what `as_json` wrote."""
        return cls(float(value["errorRate"]), float(value["p99Factor"]), int(value["minSamples"]))


@dataclass(frozen=True, slots=True)
class Seen:
    """What was counted on green while a weight stood; latencies in seconds, 0 where nothing was probed.

    `requests` and `errors` are the balancer's own counts of clients; `probes` and `probe_errors` our prober's.
    """

    requests: int = 0
    errors: int = 0
    probes: int = 0
    probe_errors: int = 0
    p99: float = 0.0
    blue_p99: float = 0.0


NOISE = 0.01
"""Seconds by which p99 must exceed its limit to count: below, a scheduler's hiccup decides."""


def hopeless(seen: Seen, limits: Thresholds) -> bool:
    """Whether the error rate is lost even if every request still missing to `min_samples` went well."""
    most = max(seen.errors, seen.probe_errors)
    of = max(seen.requests if seen.errors >= seen.probe_errors else seen.probes, limits.min_samples)
    return most > limits.error_rate * of


def judge(name: str, seen: Seen, limits: Thresholds) -> tuple[Verdict, ...]:
    """Judge error rate and latency; too few samples are inconclusive, never a pass."""
    return (_errors(name, seen, limits), *_latency(name, seen, limits))


def _errors(name: str, seen: Seen, limits: Thresholds) -> Verdict:
    check = f"{name} errors"
    samples = seen.requests + seen.probes
    said = f"{seen.errors} of {seen.requests} requests and {seen.probe_errors} of {seen.probes} probes failed"
    if hopeless(seen, limits):
        return failed(check, said, "Look at green's pods and events behind this route, mend them, run again.")
    if samples < limits.min_samples:
        return inconclusive(
            check,
            f"{said}; {limits.min_samples} samples are needed",
            "Wait for more traffic, or lower cutover.minSamples.",
        )
    # clean probes must not water down what clients saw: each kind keeps the limit by itself
    if seen.errors > limits.error_rate * seen.requests or seen.probe_errors > limits.error_rate * seen.probes:
        return inconclusive(
            check,
            f"{said}; too few of that kind to tell from the limit of {limits.error_rate:.3%}",
            "Wait for more traffic, then run again; look at what failed meanwhile.",
        )
    bad = seen.errors + seen.probe_errors
    # the rule of three bounds a rate of which no failure was seen; with failures only the rate itself is known
    known = (
        f"{bad / samples:.3%}, limit {limits.error_rate:.3%}" if bad else f"under {3 / samples:.3%} at 95 %"
    )
    return passed(check, f"{said} ({known})")


def _latency(name: str, seen: Seen, limits: Thresholds) -> tuple[Verdict, ...]:
    if not limits.p99_factor or not seen.p99 or not seen.blue_p99:
        return ()
    limit = seen.blue_p99 * limits.p99_factor
    said = f"p99 {seen.p99 * 1000:.0f} ms, blue {seen.blue_p99 * 1000:.0f} ms, limit {limit * 1000:.0f} ms"
    if seen.p99 > limit + NOISE:
        return (
            failed(
                f"{name} latency", said, "Look at green's capacity: requests, limits, nodes; then run again."
            ),
        )
    return (passed(f"{name} latency", said),)
