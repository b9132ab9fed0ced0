"""Which priority level holds a request up: what is learnt from it, and what is told of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from migrate.doors.slowed import Slowed
from migrate.errors import Transient
from migrate.kube.flow import Flow, flow_of
from migrate.kube.transport import Answer
from tests.kube.conftest import Open, Serve
from tests.kube.faulty import Behaviour, Received, Reply, in_turn, status
from tests.kube.kinds import CONFIG_MAPS, create

CREATED = {"kind": "ConfigMap", "metadata": {"name": "a"}}
GROUP = "/apis/flowcontrol.apiserver.k8s.io"
SCHEMAS = {
    "items": [
        {
            "metadata": {"name": f"{name}-users", "uid": f"uid-of-{name}-users"},
            "spec": {"priorityLevelConfiguration": {"name": name}},
        }
        for name in ("low", "high")
    ]
}
LISTED = Reply(200, SCHEMAS)
FEW = 4
"""So many in flight that latency alone, as on a busy machine, lowers it no further."""

PAUSE = threading.Event()
"""Never set: waiting for it takes real time."""


def of(level: str) -> Mapping[str, str]:
    """The headers of an answer in a priority level."""
    return {
        "X-Kubernetes-PF-FlowSchema-UID": f"uid-of-{level}-users",
        "X-Kubernetes-PF-PriorityLevel-UID": f"uid-of-{level}",
    }


def busy(level: str, wait: int = 2) -> Reply:
    """What priority and fairness answers where a level has no seat left."""
    headers = {"Retry-After": str(wait), **(of(level) if level else {})}
    return Reply(429, "Too many requests, please try again later.", headers)


def in_levels(*replies: Reply, schemas: Reply = LISTED) -> Behaviour:
    """Give these answers one after the other, then the last one for ever; and beside them the FlowSchemas."""
    others = in_turn(*replies)

    def behaviour(received: Received) -> Any:
        if received.path == GROUP:
            return Reply(200, {"kind": "APIGroup", "preferredVersion": {"version": "v1beta3"}})
        return schemas if received.path == f"{GROUP}/v1beta3/flowschemas" else others(received)

    return behaviour


def asked(received: list[Received]) -> list[str]:
    """The questions about priority and fairness that a server got."""
    return [r.path.removeprefix(GROUP) for r in received if r.path.startswith(GROUP)]


@pytest.mark.parametrize(
    ("headers", "flow"),
    [
        ({}, Flow()),
        (of("low"), Flow("uid-of-low-users", "uid-of-low")),
        (
            {key: f"of-the-aggregator, {value}" for key, value in of("low").items()},
            Flow("uid-of-low-users", "uid-of-low"),
        ),
    ],
)
def test_an_answer_names_its_priority_level(headers: Mapping[str, str], flow: Flow) -> None:
    """By UIDs; where an aggregated API's server adds its own to those of the server in front, its own count."""
    assert flow_of(Answer(429, b"", headers)) == flow


@pytest.mark.parametrize(("level", "slows"), [("high", False), ("low", True), ("", True)])
def test_a_refused_read_slows_writes_of_its_own_level_alone(
    serve: Serve, door: Open, level: str, *, slows: bool
) -> None:
    """A list that found no seat in a level takes none from writes in another; one that names none is the whole server's."""
    written, read = Reply(201, CREATED, of("low")), Reply(200, {}, of("high"))
    cluster = door(serve(in_levels(written, busy(level), read)).url, in_flight=FEW)
    cluster.write(create())
    before = cluster._pace.limit
    cluster.get(CONFIG_MAPS, "a", "shop")
    assert (cluster._pace.limit < before) is slows


def test_a_refused_write_slows_writes_whatever_its_level(serve: Serve, door: Open) -> None:
    """Writes of one kind may have a FlowSchema of their own: where they are turned away, less is written."""
    cluster = door(
        serve(in_levels(Reply(201, CREATED, of("low")), busy("high"), Reply(201, CREATED))).url, in_flight=FEW
    )
    cluster.write(create())
    before = cluster._pace.limit
    cluster.write(create())
    assert cluster._pace.limit == before // 2


def test_what_held_us_up_is_told_by_name(serve: Serve, door: Open) -> None:
    """One look at the FlowSchemas, in the version that is served, names the level too; nobody looks again."""
    server = serve(in_levels(busy("low", 2), busy("low", 5), Reply(201, CREATED, of("low"))))
    cluster = door(server.url, in_flight=FEW)
    cluster.write(create())
    (told,) = cluster.slowed()
    assert told == Slowed(2, 5.0, 0.0, cluster._pace.limit, "low", "low-users")
    assert list(cluster.slowed()) == [told]
    assert asked(server.received) == ["", "/v1beta3/flowschemas"]
    assert told.said("green (g)") == (
        "green (g) turned 2 requests away, asking for waits of up to 5 s in priority level low "
        f"(FlowSchema low-users); {told.in_flight} at a time now"
    )


@pytest.mark.parametrize("schemas", [status(403, "Forbidden", "no"), busy("low", 9), Reply(200, "<html>")])
def test_what_may_not_be_named_is_told_by_uid(serve: Serve, door: Open, schemas: Reply) -> None:
    """Names are worth a few seconds and no right of their own; what cannot be read is not asked for again at once."""
    server = serve(in_levels(busy("low"), Reply(201, CREATED), schemas=schemas))
    cluster = door(server.url, in_flight=FEW)
    cluster.write(create())
    for _ in range(2):
        (told,) = cluster.slowed()
        assert (told.level, told.schema, told.refused) == ("uid-of-low", "uid-of-low-users", 1)
    assert asked(server.received).count("") == 1


def test_who_is_not_held_up_asks_nothing(serve: Serve, door: Open) -> None:
    """An ordinary run costs no request more."""
    server = serve(in_levels(Reply(201, CREATED, of("low"))))
    cluster = door(server.url, in_flight=FEW)
    cluster.write_many([create(f"w{i}") for i in range(20)])
    assert not cluster.slowed()
    assert len(server.received) == cluster.requests() == 20


def test_a_refusal_that_lasts_says_where_there_was_no_seat(serve: Serve, door: Open) -> None:
    """The error that ends the patience has the name to look for, and still the wait that was asked for."""
    with pytest.raises(
        Transient, match=r"too many requests \(429\); all seats of priority level low"
    ) as caught:
        door(serve(in_levels(busy("low", 30))).url, patience=5.0).write(create())
    assert caught.value.retry_after == 30.0


def test_a_server_that_turns_everything_away_ends_a_batch(serve: Serve, door: Open) -> None:
    """One write was waited for as long as we are patient: hundreds more would be hours, and are not sent."""
    server = serve(in_levels(busy("low", 30)))
    results = door(server.url, patience=5.0, in_flight=FEW).write_many([create(f"w{i}") for i in range(300)])
    assert all(isinstance(result, Transient) for result in results)
    unsent = [result for result in results if "was not sent, because before it" in str(result)]
    assert len(unsent) >= 300 - FEW
    assert len(server.received) - len(asked(server.received)) <= FEW


def test_another_reason_to_wait_is_no_priority_level_s(serve: Serve, door: Open) -> None:
    """With a Status the request had found its seat, and something behind it refused: a store that begins, an eviction."""
    beginning = status(429, "TooManyRequests", "storage is (re)initializing", retryAfterSeconds=1)
    answers = Reply(429, beginning.body, of("low")), Reply(201, CREATED)
    server = serve(in_levels(*answers))
    cluster = door(server.url, in_flight=FEW)
    cluster.write(create())
    (told,) = cluster.slowed()
    assert (told.refused, told.longest, told.level) == (1, 1.0, "")
    assert not asked(server.received)


def test_a_level_that_queues_is_named_too(serve: Serve, door: Open) -> None:
    """Levels queue before they turn anybody away: answers that take many times as long are told with theirs."""
    lock, quick = threading.Lock(), [20]

    def behaviour(received: Received) -> Any:
        if received.path.startswith(GROUP):
            return named(received)
        with lock:
            quick[0] -= 1
            late = quick[0] < 0
        PAUSE.wait(0.4 if late else 0.0)
        return Reply(201, CREATED, of("low"))

    named = in_levels(Reply(201, CREATED))
    cluster = door(serve(behaviour).url, in_flight=12)
    cluster.write_many([create(f"q{i}") for i in range(20)])
    cluster.write_many([create(f"s{i}") for i in range(60)])
    (told,) = cluster.slowed()
    assert told.slower > 12
    assert (told.refused, told.level) == (0, "low")
    assert "times as long as at its quickest in priority level low" in told.said("green")
