"""The sheet for the day when the tool is gone: plain commands that put traffic, and what runs once, back to blue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrate.model.ids import Phase, RouteName, Side
from migrate.model.migration import RouteSpec
from migrate.model.objects import Ref
from migrate.model.reasons import Why, patched
from migrate.planning import commands
from migrate.planning.commands import word
from migrate.planning.routes import route_names
from migrate.runbook.acts import back
from migrate.runbook.hands import Hands
from migrate.runbook.kubectl import named, noted
from migrate.runbook.source import Source
from migrate.runbook.stops import moves


def sheet(source: Source, hands: Hands) -> dict[str, Any]:
    """The traffic of every route first, then what the cutover moved, newest first."""
    return {
        "routes": [_route(source, route) for route in route_names(source.written)],
        "workloads": list(_moved_back(source, hands)),
        "look": list(_looks(source, hands)),
        "moving": [str(Ref.of_json(h["ref"])) for h in source.ledger.get("held", ()) if moves(h)],
        "known": bool(source.ledger),
        "resume": list(_undone(source, hands, Why.PAUSE)),
        "noted": noted(hands.kubectl(Side.BLUE)),
        # for when green has let go of the disks for good
        "kept": list(_undone(source, hands, Why.KEEP)),
    }


def _route(source: Source, route: RouteName) -> dict[str, Any]:
    written = source.written
    spec = next((r for r in written.cutover.routes if r.name == route), RouteSpec(name=route))
    told: dict[str, Any] = {
        "route": route,
        "back": commands.weigh(written, route, 0).splitlines(),
        "check": [],
        "mend": [],
    }
    if written.cutover.kind == "haproxy":
        target = commands.target(written, route)
        wanted = commands.dealt(target, 0)
        told["check"] = [
            f"{commands.ask(target, f'get weight {target.backend}/{name}')}   # {weight}"
            for name, weight in wanted.items()
        ]
        told["check"].append(
            f"{commands.ask(target, f'show stat {target.backend} 6 -1')} | cut -d, -f2,18   # blue is UP"
        )
        told["mend"] = [
            commands.ask(target, f"set server {target.backend}/{name} state ready") for name in target.blue
        ]
        told["static"] = [
            commands.ask(target, f"set server {target.backend}/{name} weight {part}")
            for names, part in ((target.blue, "100%"), (target.green, "0%"))
            for name in names
        ]
    elif written.cutover.kind == "command" and written.cutover.command is not None:
        argv = commands.filled(written.cutover.command.read, route, "")
        told["check"] = [
            f"CNIMIGRATE_OPERATION=read CNIMIGRATE_ROUTE={word(route)} CNIMIGRATE_GREEN= {' '.join(map(word, argv))}"
        ]
    told["check"] += _asked(spec)
    return told


def _asked(spec: RouteSpec) -> Iterator[str]:
    ask = "curl -sS -o /dev/null -w '%{http_code}\\n' -m 5"
    if spec.direct_blue:
        yield f"{ask} {word(spec.direct_blue)}   # blue itself"
    if spec.probe:
        yield f"{ask} {word(spec.probe)}   # as clients ask"


def _moved_back(source: Source, hands: Hands) -> Iterator[str]:
    """The way back of the cutover without its weights: green's off, then blue's on."""
    steps = [s for s in source.plan.steps if s.phase is Phase.CUTOVER]
    acts = [i for step in steps for i in source.told(step)[0] if i.action.kind != "weight"]
    for intent in reversed([i for i in acts if not patched(i.action, Why.KEEP)]):
        if command := back(hands, intent.action):
            yield command


def _undone(source: Source, hands: Hands, why: Why) -> Iterator[str]:
    """The way back of what was patched on blue for one reason, newest first."""
    for action in reversed([i.action for i in source.acts() if patched(i.action, why)]):
        if command := back(hands, action):
            yield command


def _looks(source: Source, hands: Hands) -> Iterator[str]:
    """How to see on which side each thing that runs once is."""
    for step in source.plan.steps:
        for intent in source.told(step)[0] if step.phase is Phase.CUTOVER else ():
            action = intent.action
            if patched(action, Why.REST) and action.params["side"] == Side.BLUE:
                _, ref = hands.target(action)
                for side in Side:
                    yield f"{hands.kubectl(side)} get {named(ref)}   # {side}"
