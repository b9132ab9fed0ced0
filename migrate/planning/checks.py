"""Check what needs more than one key of the migration file, or more than its type."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from math import ceil

from migrate.model.groups import BUILT_IN_GROUPS
from migrate.model.migration import Data, GateSpec, Migration, MoverSpec, RouteSpec, seconds
from migrate.planning.marks import KeyPath, Problem
from migrate.planning.ranges import check_ranges
from migrate.planning.sides import check_sides

Has = Callable[[KeyPath], bool]
"""Says whether a path was written in the file, rather than filled in by default."""

MIN_ERRORS = 3
"""A rate of p needs 3/p requests without an error before it is ruled out at 95 % (the rule of three)."""

_DAY = 86400.0
_SENSE: tuple[tuple[KeyPath, float, float, str], ...] = (
    (("green", "provisioner", "deadline"), 1, _DAY, "30m"),
    (("verify", "budget"), 1, _DAY, "10m"),
    (("cutover", "pause"), 0, _DAY, "5m"),
    (("cutover", "command", "deadline"), 1, 3600, "30s"),
    (("soak",), 0, 90 * _DAY, "7d"),
)
"""The shortest and the longest that make sense, in seconds, and an example."""


def check(migration: Migration, *, has: Has, exists: Callable[[str], bool]) -> Iterator[Problem]:
    """Find everything in a migration that its types allow and that would not work."""
    yield from check_sides(migration, has=has, exists=exists)
    yield from check_ranges(migration.green, has)
    yield from _workloads(migration)
    yield from _accepted(migration)
    yield from _batches(migration)
    yield from _ramp(migration)
    yield from _samples(migration, has)
    yield from _routes(migration)
    yield from _servers(migration)
    yield from _instruction(migration)
    yield from _window(migration)
    yield from _gates(migration)
    yield from _durations(migration)
    yield from _names(migration)


def _workloads(migration: Migration) -> Iterator[Problem]:
    workloads = migration.workloads
    if not workloads.include:
        yield Problem(("workloads", "include"), "names no namespace", 'write ["*"] for all of them')
    elif "*" in workloads.exclude:
        yield Problem(("workloads", "exclude"), "* leaves nothing to move", "name the namespaces that stay")
    for index, rule in enumerate(workloads.rules):
        path: KeyPath = ("workloads", "rules", index)
        said = [word for word in ("skip", "replay", "hold") if getattr(rule, word)]
        if len(said) > 1 or not (said or rule.on_conflict):
            told = f"says {' and '.join(said)}" if said else "says neither skip, replay nor hold"
            yield Problem(path, told, "write exactly one of skip: true, replay: true, hold: true")
        elif rule.skip and rule.on_conflict:
            told = "has no meaning beside skip: true, by which nothing is written"
            yield Problem((*path, "onConflict"), told, "leave it out")
        if rule.status and not rule.replay:
            yield Problem(
                (*path, "status"), "goes with replay: true alone", "leave it out, or write replay: true"
            )
        elif rule.status and rule.group in BUILT_IN_GROUPS - {""}:
            why = f"of {rule.group} is written by green's own controllers"
            yield Problem((*path, "status"), why, "leave it out")
        if not rule.reason.strip():
            yield Problem((*path, "reason"), "is blank", "write why, for the people after you")
    for index, data in enumerate(workloads.volumes):
        if not data.reason.strip():
            blank: KeyPath = ("workloads", "volumes", index, "reason")
            yield Problem(blank, "is blank", "write why, for the people after you")
        yield from _mover(data, ("workloads", "volumes", index))
    seen: set[str] = set()
    for index, change in enumerate(workloads.storage_classes):
        if change.source in seen:
            twice: KeyPath = ("workloads", "storageClasses", index, "from")
            yield Problem(twice, f"{change.source} stands here twice", "leave one of them out")
        seen.add(change.source)


def _accepted(migration: Migration) -> Iterator[Problem]:
    for index, entry in enumerate(migration.verify.accept):
        place: KeyPath = ("verify", "accept", index)
        if not entry.reason.strip():
            yield Problem((*place, "reason"), "is blank", "write why, for the people after you")
        if not re.match(r"[^\s.\[*]", entry.path):
            told = f"{entry.path} is no path of a field"
            yield Problem((*place, "path"), told, "write it as verify shows it, such as spec.replicas")


def _mover(data: Data, path: KeyPath) -> Iterator[Problem]:
    if data.as_ == "copy" and data.mover is None:
        yield Problem(path, "says copy, and no mover", "write mover: {kind: command, command: [./copy.sh]}")
    elif data.as_ != "copy" and data.mover is not None:
        yield Problem(
            (*path, "mover"), f"has no meaning for as: {data.as_}", "leave it out, or write as: copy"
        )
    elif data.mover is not None:
        yield from _copier(data.mover, (*path, "mover"))


def _copier(mover: MoverSpec, path: KeyPath) -> Iterator[Problem]:
    """Each kind has a key of its own, which the other does without."""
    hints = {
        "command": "command: [./copy.sh]",
        "volsync": "volsync: {countImage: registry.example/busybox:1.37}",
    }
    for kind, hint in hints.items():
        given = bool(getattr(mover, kind))
        if given and kind != mover.kind:
            yield Problem(
                (*path, kind), f"has no meaning for kind {mover.kind}", f"leave it out, or write kind: {kind}"
            )
        elif not given and kind == mover.kind:
            yield Problem(path, f"is of kind {kind} and has no {kind}", f"write {hint}")


def _batches(migration: Migration) -> Iterator[Problem]:
    batches, path = migration.batches, ("batches",)
    if len(batches) > 1:
        told = f"{len(batches)} batches; this release moves everything in one batch"
        yield Problem(path, told, "leave `batches` out")
    elif batches:
        whole = set(batches[0].namespaces) in ({"*"}, set(migration.workloads.include))
        if not whole:
            named = ", ".join(batches[0].namespaces) or "no namespace"
            told = f"one batch of {named}; this release moves everything in one batch"
            yield Problem(path, told, "leave `batches` out, and name the namespaces in workloads.include")
        if batches[0].after:
            told = f"waits for {', '.join(batches[0].after)}, which is no other batch"
            yield Problem((*path, 0, "after"), told, "leave it out")


def _ramp(migration: Migration) -> Iterator[Problem]:
    ramp, path = migration.cutover.ramp, ("cutover", "ramp")
    shown = ", ".join(map(str, ramp))
    if not ramp:
        yield Problem(path, "has no step", "write for example [1, 5, 25, 50, 100]")
    elif outside := [step for step in ramp if not 1 <= step <= 100]:
        yield Problem(path, f"{outside[0]} is no part in percent", "write whole numbers from 1 to 100")
    elif falls := [f"{a}, {b}" for a, b in pairwise(ramp) if b <= a]:
        yield Problem(path, f"{falls[0]} is not rising")
    elif ramp[-1] != 100:
        yield Problem(path, f"{shown} ends at {ramp[-1]} %", f"write [{shown}, 100]")


def _samples(migration: Migration, has: Has) -> Iterator[Problem]:
    cutover = migration.cutover
    samples, rate, factor = (
        ("cutover", "minSamples"),
        ("cutover", "abort", "errorRate"),
        ("cutover", "abort", "latencyP99"),
    )
    percent = Fraction(cutover.abort.error_rate.rstrip("%"))
    shown = f"{_number(percent)} %"
    if not 0 < percent < 100:
        yield Problem(rate, f"{shown} is no error rate that can be watched for", "write for example 0.1%")
    elif cutover.min_samples < (needed := ceil(MIN_ERRORS * 100 / percent)):
        floor = _number(Fraction(MIN_ERRORS * 100, cutover.min_samples))
        told = f"{cutover.min_samples} cannot show an error rate below {floor} %"
        if has(samples) or not has(rate):
            yield Problem(samples, told, f"at least {needed} for {shown}", about=(rate,))
        else:
            told = (
                f"{shown} cannot be shown by {cutover.min_samples} samples, the default of cutover.minSamples"
            )
            yield Problem(rate, told, f"write minSamples: {needed} or more", about=(samples,))
    if Fraction(cutover.abort.latency_p99.rstrip("x")) <= 1:
        told = f"{cutover.abort.latency_p99} of blue's latency would send every ramp back"
        yield Problem(factor, told, "write more than 1x, for example 1.5x")


def _number(value: Fraction) -> str:
    """A number with as many digits as it needs, four behind the point at most."""
    return f"{float(value):.4f}".rstrip("0").rstrip(".")


def _routes(migration: Migration) -> Iterator[Problem]:
    cutover = migration.cutover
    for index, route in enumerate(cutover.routes):
        path: KeyPath = ("cutover", "routes", index)
        for at, service in enumerate(route.services):
            if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*/[a-z0-9][a-z0-9.-]*", service):
                yield Problem((*path, "services", at), f"{service} is no Service", "write namespace/name")
        for key in ("probe", "direct_blue", "direct_green"):
            url = getattr(route, key)
            if url is not None and not re.fullmatch(r"https?://[^\s/]+\S*", url):
                alias = str(RouteSpec.model_fields[key].alias)
                yield Problem(
                    (*path, alias), f"{url or 'an empty text'} is no URL", "write http:// or https://"
                )
        own = [key for key in ("backend", "blue", "green") if getattr(route, key)]
        if cutover.kind != "haproxy" and own:
            yield Problem((*path, own[0]), f"has no meaning for cutover.kind {cutover.kind}", "leave it out")
        elif cutover.kind == "haproxy" and len(cutover.routes) > 1 and len(own) < 3:
            wanted = " and ".join(key for key in ("backend", "blue", "green") if key not in own)
            told = f"{route.name} has no {wanted} of its own"
            yield Problem(path, told, "with several routes each needs backend, blue and green")


def _servers(migration: Migration) -> Iterator[Problem]:
    """No server may lead to both sides, or its weight would be set twice."""
    haproxy = migration.cutover.haproxy
    blocks: list[tuple[KeyPath, Sequence[str], Sequence[str]]] = []
    if haproxy is not None:
        blocks.append((("cutover", "haproxy"), haproxy.blue, haproxy.green))
    blocks += [(("cutover", "routes", i), r.blue, r.green) for i, r in enumerate(migration.cutover.routes)]
    for path, blue, green in blocks:
        if both := [server for server in blue if server in green]:
            yield Problem(
                (*path, "green"), f"{both[0]} is a server of blue too", "a server leads to one side"
            )


def _instruction(migration: Migration) -> Iterator[Problem]:
    """The sentence for a person is filled in during the run, where it is too late to find a brace of its own."""
    manual = migration.cutover.manual
    if manual is None:
        return
    try:
        manual.instruction.format(percent=100, route="route")
    except (KeyError, IndexError, ValueError, AttributeError):
        told = "has a brace that is neither {percent} nor {route}"
        yield Problem(
            ("cutover", "manual", "instruction"), told, "write a brace that is meant twice: {{ or }}"
        )


def _window(migration: Migration) -> Iterator[Problem]:
    window, path = migration.window, ("window",)
    if window is None:
        return
    times: list[datetime] = []
    for key, text in (("start", window.start), ("end", window.end)):
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            yield Problem((*path, key), f"{text} is no time", "write for example 2026-12-05T22:00-03:00")
            continue
        if time.tzinfo is None:
            whole = f"{time.isoformat(timespec='minutes')}-03:00"
            yield Problem((*path, key), f"{text} has no offset", f"write for example {whole}")
        else:
            times.append(time)
    if len(times) == 2 and times[0] >= times[1]:
        told = f"{window.end} is not after window.start {window.start}"
        yield Problem((*path, "end"), told, "the window must be open for a while", about=((*path, "start"),))


def _gates(migration: Migration) -> Iterator[Problem]:
    for name, info in type(migration.gates).model_fields.items():
        gate, path = getattr(migration.gates, name), ("gates", str(info.alias))
        if not isinstance(gate, GateSpec):
            continue
        if gate.mode == "auto" and gate.model_fields_set - {"mode"}:
            told = "mode auto asks nobody, so approvers, not, ticket and expires have no meaning"
            yield Problem((*path, "mode"), told, "leave them out, or write mode: approval")
        if gate.expires is not None and seconds(gate.expires) < 60:
            yield Problem(
                (*path, "expires"),
                f"{gate.expires} is over before the run could use it",
                "write for example 12h",
            )


def _durations(migration: Migration) -> Iterator[Problem]:
    cutover = migration.cutover
    values: dict[KeyPath, str] = {
        ("green", "provisioner", "deadline"): migration.green.provisioner.deadline,
        ("verify", "budget"): migration.verify.budget,
        ("cutover", "pause"): cutover.pause,
        ("cutover", "command", "deadline"): cutover.command.deadline if cutover.command else "30s",
        ("soak",): migration.soak,
    }
    for path, shortest, longest, example in _SENSE:
        length = seconds(values[path])
        if length < shortest:
            yield Problem(path, f"{values[path]} is too short for anything", f"write for example {example}")
        elif length > longest:
            limit = f"{longest / _DAY:g}d" if longest >= _DAY else f"{longest / 3600:g}h"
            yield Problem(path, f"{values[path]} is longer than {limit}", f"write for example {example}")


def _names(migration: Migration) -> Iterator[Problem]:
    """Names that must be unique where they stand."""
    lists: tuple[tuple[KeyPath, list[str]], ...] = (
        (("green", "calico", "pools"), [pool.name for pool in migration.green.calico.pools]),
        (("cutover", "routes"), [route.name for route in migration.cutover.routes]),
    )
    for path, names in lists:
        count = Counter(names)
        for index, name in enumerate(names):
            if count[name] > 1 and name in names[:index]:
                yield Problem(
                    (*path, index, "name"), f"{name} is a name already taken above", "write another"
                )
