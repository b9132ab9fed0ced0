"""The door against servers that fail: what is repeated, what is in doubt, and how often the server was asked."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import ExitStack

import pytest

from migrate.doors.cluster import Verb, Write
from migrate.errors import (
    AlreadyExists,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    Transient,
    Unauthorized,
    Unreachable,
)
from migrate.kube.cluster import CONCEALED
from migrate.kube.patience import Patience
from tests.kube.conftest import Open, Serve
from tests.kube.faulty import Drop, FaultyServer, Hang, Received, Reply, closed_port, in_turn, status
from tests.kube.kinds import CONFIG_MAPS, SECRETS, create

CREATED = Reply(201, {"kind": "ConfigMap", "metadata": {"name": "a"}})
BUSY = Reply(429, "Too many requests, please try again later.", {"Retry-After": "3"})


def test_a_throttled_write_waits_as_long_as_the_server_asks(
    serve: Serve, door: Open, naps: list[float]
) -> None:
    """A 429 means that nothing happened: the write is sent again after Retry-After, and counted."""
    server = serve(in_turn(BUSY, BUSY, CREATED))
    cluster = door(server.url)
    assert cluster.write(create())["metadata"]["name"] == "a"
    assert cluster.requests() == len(server.received) == 3
    assert len(naps) == 2
    assert all(3.0 <= nap <= 3.75 for nap in naps)


def test_a_server_that_stays_busy_is_transient(serve: Serve, door: Open) -> None:
    """When the wait asked for goes beyond the patience, the caller learns that nothing happened, and the wait."""
    server = serve(in_turn(BUSY))
    with pytest.raises(Transient) as caught:
        door(server.url, patience=1.0).write(create())
    assert caught.value.retry_after == 3.0
    assert len(server.received) == 1


def test_a_server_that_shuts_down_is_asked_again(serve: Serve, door: Open) -> None:
    """A 503 with Retry-After comes before anything was begun."""
    leaving = status(503, "ServiceUnavailable", "apiserver is shutting down", retryAfterSeconds=1)
    server = serve(in_turn(leaving, CREATED))
    door(server.url).write(create())
    assert len(server.received) == 2


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_failing_server_leaves_a_write_in_doubt(serve: Serve, door: Open, code: int) -> None:
    """A 5xx to a write is sent once and reported as in doubt: it may have come after the store."""
    server = serve(in_turn(status(code, "InternalError", "etcdserver: request timed out"), CREATED))
    cluster = door(server.url)
    with pytest.raises(Unreachable, match="not known"):
        cluster.write(create())
    assert cluster.requests() == len(server.received) == 1


def test_a_webhook_that_cannot_be_asked_changed_nothing(serve: Serve, door: Open) -> None:
    """Admission comes before the store, so this 500 is Transient; it is tried four times and no more."""
    text = 'Internal error occurred: failed calling webhook "x.example.com": no endpoints available'
    server = serve(in_turn(status(500, "InternalError", text)))
    with pytest.raises(Transient, match="no endpoints"):
        door(server.url).write(create())
    assert len(server.received) == 4


@pytest.mark.parametrize("answer", [status(500, "InternalError", "oops"), Reply(502, "<html>"), Drop()])
def test_a_read_is_repeated(serve: Serve, door: Open, answer: Reply | Drop) -> None:
    """A read changes nothing, so a failure or a lost answer is asked for again."""
    server = serve(in_turn(answer, answer, Reply(200, {"kind": "ConfigMap"})))
    cluster = door(server.url)
    assert cluster.get(CONFIG_MAPS, "a", "shop") == {"kind": "ConfigMap"}
    assert cluster.requests() == 3


def test_a_read_that_always_fails_costs_four_requests(serve: Serve, door: Open) -> None:
    """A list behind a broken conversion webhook answers 500 for ever: that is a refusal, not a lost cluster."""
    server = serve(in_turn(status(500, "InternalError", "conversion webhook failed")))
    with pytest.raises(Refused, match="conversion webhook") as caught:
        list(door(server.url).pages(CONFIG_MAPS))
    assert caught.value.status == 500
    assert len(server.received) == 4


def test_a_dry_run_is_a_read(serve: Serve, door: Open) -> None:
    """A dry run is repeated after a lost answer, since it changes nothing."""
    server = serve(in_turn(Drop(), CREATED))
    door(server.url).write(create(dry_run=True))
    assert [r.query["dryRun"] for r in server.received] == ["All", "All"]


@pytest.mark.parametrize("fault", [Drop(), Reply(201, {"kind": "ConfigMap"}, cut=5)])
def test_a_create_whose_answer_is_lost_is_sent_once(serve: Serve, door: Open, fault: Reply | Drop) -> None:
    """The object stands and nobody knows: the write is in doubt and never repeated by the door."""
    server = serve(in_turn(fault, status(409, "AlreadyExists", "already exists")))
    cluster = door(server.url)
    with pytest.raises(Unreachable, match="dropped the connection; whether it took effect is not known"):
        cluster.write(create())
    assert cluster.requests() == len(server.received) == 1
    with pytest.raises(AlreadyExists):
        cluster.write(create())


@pytest.mark.parametrize("verb", [Verb.DELETE, Verb.REPLACE, Verb.APPLY])
def test_a_write_lost_on_a_kept_connection_is_sent_once(serve: Serve, door: Open, verb: Verb) -> None:
    """What HTTP calls idempotent is in doubt all the same: a second DELETE would not know whose the first was."""
    server = serve(in_turn(CREATED, Drop(), CREATED))
    cluster = door(server.url)
    cluster.write(create())
    with pytest.raises(Unreachable, match="not known"):
        cluster.write(Write(verb, CONFIG_MAPS, "a", "shop", body={}, uid="u"))
    assert cluster.requests() == len(server.received) == 2


def test_a_hanging_server_is_given_up(serve: Serve, door: Open) -> None:
    """A write that is not answered within the timeout is in doubt."""
    server = serve(in_turn(Hang()))
    with pytest.raises(Unreachable, match="did not answer in time; whether"):
        door(server.url, timeout=0.2).write(create())
    assert len(server.received) == 1


def test_an_answer_that_trickles_is_given_up(serve: Serve, door: Open) -> None:
    """A byte now and then is within the limit of each part; the whole has one of its own, which is told by name."""
    server = serve(in_turn(Reply(201, {"kind": "ConfigMap"}, trickle=0.15)))
    with pytest.raises(Unreachable, match="had not ended its answer after 2 s and more; whether"):
        door(server.url, timeout=0.2).write(create())
    assert len(server.received) == 1


def test_a_large_answer_over_a_slow_network_is_waited_for(serve: Serve, door: Open) -> None:
    """What goes on coming at a rate gets more time: a long list is no trickle."""
    body = {"kind": "ConfigMap", "data": {"a": "x" * (100 << 10)}}
    server = serve(in_turn(Reply(201, body, trickle=0.1, at_once=4 << 10)))  # some 2.5 s, and 2 s without it
    assert door(server.url, timeout=0.2).write(create())["data"] == body["data"]


def test_nobody_listening_is_tried_until_the_patience_ends(door: Open, naps: list[float]) -> None:
    """A refused connection is repeated, then Unreachable; no request was sent, and none is counted."""
    cluster = door(f"http://127.0.0.1:{closed_port()}", patience=0.5)
    with pytest.raises(Unreachable, match=r"cannot be reached \(Connection refused\)"):
        cluster.write(create())
    assert cluster.requests() == 0
    assert naps


def test_a_server_that_comes_back_gets_the_write_once(door: Open) -> None:
    """Connections refused while the API server restarts are no reason to fail."""
    port = closed_port()
    cluster = door(f"http://127.0.0.1:{port}")
    servers: list[FaultyServer] = []
    with ExitStack() as stack:

        async def start_instead_of_waiting(_: float) -> None:
            if not servers:
                servers.append(stack.enter_context(FaultyServer(in_turn(CREATED), port=port)))

        cluster._patience = Patience(30.0, start_instead_of_waiting)
        cluster.write(create())
        assert len(servers[0].received) == cluster.requests() == 1


def test_a_handshake_cut_off_sent_nothing(door: Open, naps: list[float]) -> None:
    """A balancer without servers closes the connection before TLS: for a write that is not in doubt."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def cut() -> None:
            while True:
                try:
                    listener.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=cut, daemon=True)
        thread.start()
        cluster = door(f"https://127.0.0.1:{listener.getsockname()[1]}", patience=0.3)
        with pytest.raises(Unreachable, match="cannot be reached"):
            cluster.write(create())
        assert cluster.requests() == 0
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_redirect_is_not_followed(serve: Serve, door: Open) -> None:
    """Credentials are not carried elsewhere."""
    server = serve(in_turn(Reply(302, {}, {"Location": "http://127.0.0.1:1/"})))
    with pytest.raises(Refused, match="302"):
        door(server.url).write(create())
    assert len(server.received) == 1


def test_a_login_page_is_no_answer(serve: Serve, door: Open) -> None:
    """A proxy that answers 200 with a page leaves a write in doubt."""
    with pytest.raises(Unreachable, match="text/html, not JSON"):
        door(serve(in_turn(Reply(200, "<html>"))).url).write(create())


def test_forbidden_kinds_do_not_hide_the_others(serve: Serve, door: Open) -> None:
    """A right that is missing for Secrets raises Forbidden for them and leaves ConfigMaps readable."""

    def behaviour(received: Received) -> Reply:
        if received.path.endswith("/secrets"):
            return status(403, "Forbidden", 'secrets is forbidden: User "me" cannot list resource "secrets"')
        return Reply(200, {"kind": "ConfigMapList", "items": [{"metadata": {"name": "a"}}]})

    cluster = door(serve(behaviour).url)
    with pytest.raises(Forbidden):
        list(cluster.pages(SECRETS))
    ((item,),) = cluster.pages(CONFIG_MAPS)
    assert (item["apiVersion"], item["kind"]) == ("v1", "ConfigMap")


def test_an_expired_token_is_refused(serve: Serve, door: Open) -> None:
    """A 401 is not repeated where the kubeconfig still has the same token."""
    server = serve(in_turn(status(401, "Unauthorized", "Unauthorized")))
    cluster = door(server.url)
    with pytest.raises(Unauthorized):
        cluster.get(CONFIG_MAPS, "a", "shop")
    assert cluster.requests() == 1


def test_a_server_that_has_just_come_back_is_doubted(serve: Serve, door: Open) -> None:
    """After a lost connection a 403 is asked again: the server may not have read its roles yet."""
    denied = status(
        403, "Forbidden", 'configmaps is forbidden: User "me" cannot create resource "configmaps"'
    )
    server = serve(in_turn(Drop(), denied, denied, CREATED))
    cluster = door(server.url)
    with pytest.raises(Unreachable):
        cluster.write(create())
    cluster.write(create())
    assert len(server.received) == 4


def test_a_right_that_stays_missing_is_believed(
    serve: Serve, door: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some seconds after the lost connection a 403 is a 403."""
    monkeypatch.setattr("migrate.kube.cluster._WAKING", 0.0)
    denied = status(
        403, "Forbidden", 'configmaps is forbidden: User "me" cannot create resource "configmaps"'
    )
    server = serve(in_turn(Drop(), denied))
    cluster = door(server.url)
    with pytest.raises(Unreachable):
        cluster.write(create())
    with pytest.raises(Forbidden):
        cluster.write(create())
    assert len(server.received) == 2


def test_a_missing_object_is_none_but_a_missing_target_is_an_error(serve: Serve, door: Open) -> None:
    """A read of nothing is an answer; a write to nothing is not."""
    cluster = door(serve(in_turn(status(404, "NotFound", 'configmaps "a" not found'))).url)
    assert cluster.get(CONFIG_MAPS, "a", "shop") is None
    with pytest.raises(NotFound):
        cluster.write(create())


def test_words_about_a_secret_are_left_out(serve: Serve, door: Open) -> None:
    """The server quotes what it refuses, and for a Secret that is its value; only the field is told."""
    causes = [{"reason": "FieldValueInvalid", "field": "data[key]", "message": 'Invalid value: "hunter2"'}]
    refusal = status(422, "Invalid", 'Secret "a" is invalid: data: Invalid value: "hunter2"', causes=causes)
    warned = Reply(201, {"kind": "Secret"}, {"Warning": '299 - "hunter2"'})
    cluster = door(serve(in_turn(refusal, warned)).url)
    with pytest.raises(Invalid) as caught:
        cluster.write(create(resource=SECRETS))
    told = f"{caught.value!r}{caught.value.__cause__!r}{caught.value.__context__!r}"
    assert "hunter2" not in told
    assert "data[key]" in told
    cluster.write(create(resource=SECRETS))
    assert cluster.warnings(SECRETS, "a", "shop") == (CONCEALED,)


def test_what_the_server_warns_of_is_kept(serve: Serve, door: Open) -> None:
    """A field that green does not know is dropped with a warning, which whoever wrote the object takes, once."""
    server = serve(
        in_turn(
            Reply(
                201,
                {"kind": "ConfigMap"},
                {"Warning": '299 - "unknown field \\"spec.x\\""\n299 kube "old, gone soon"'},
            )
        )
    )
    cluster = door(server.url)
    cluster.write(create())
    assert cluster.warnings(CONFIG_MAPS, "another", "shop") == ()
    assert cluster.warnings(CONFIG_MAPS, "a", "shop") == ('unknown field "spec.x"', "old, gone soon")
    assert cluster.warnings(CONFIG_MAPS, "a", "shop") == ()
    assert {r.query["fieldValidation"] for r in server.received} == {"Warn"}


def test_a_storm_of_warnings_does_not_fill_the_memory(
    serve: Serve, door: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody asks, the oldest are let go."""
    monkeypatch.setattr("migrate.kube.cluster._WARNED", 2)
    cluster = door(serve(in_turn(Reply(201, {"kind": "ConfigMap"}, {"Warning": '299 - "old"'}))).url)
    for name in "abc":
        cluster.write(create(name))
    assert [cluster.warnings(CONFIG_MAPS, name, "shop") for name in "abc"] == [(), ("old",), ("old",)]


def test_many_writes_keep_their_order_and_their_errors(serve: Serve, door: Open) -> None:
    """One failure stays one item's failure, at its place."""

    def behaviour(received: Received) -> Reply:
        name = received.body["metadata"]["name"]
        if name == "w7":
            return status(422, "Invalid", "no")
        return Reply(201, {"kind": "ConfigMap", "metadata": {"name": name}})

    cluster = door(serve(behaviour).url)
    results = cluster.write_many([create(f"w{i}") for i in range(200)])
    assert isinstance(results[7], Invalid)
    names = [r["metadata"]["name"] for r in results if not isinstance(r, Exception)]
    assert names == [f"w{i}" for i in range(200) if i != 7]
    assert cluster.requests() == 200


def test_many_writes_are_bounded(serve: Serve, door: Open) -> None:
    """Requests in flight stay within the limit, and there are several."""
    pause = threading.Event()

    def behaviour(_: Received) -> Reply:
        pause.wait(0.005)
        return CREATED

    server = serve(behaviour)
    door(server.url).write_many([create(f"w{i}") for i in range(400)])
    assert 4 <= server.most_at_once <= 64


def test_many_writes_slow_down_for_a_busy_server(serve: Serve, door: Open) -> None:
    """A storm of 429 is sat out: every write arrives, once, with fewer in flight than before."""
    lock, busy, arrived = threading.Lock(), [60], list[str]()

    def behaviour(received: Received) -> Reply:
        with lock:
            if busy[0]:
                busy[0] -= 1
                return Reply(429, {}, {"Retry-After": "1"})
            arrived.append(received.body["metadata"]["name"])
            return CREATED

    cluster = door(serve(behaviour).url)
    before = cluster._pace.limit
    results = cluster.write_many([create(f"w{i}") for i in range(60)])
    assert not [r for r in results if isinstance(r, Exception)]
    assert sorted(arrived) == sorted(f"w{i}" for i in range(60))
    assert cluster._pace.limit < before


@pytest.mark.parametrize(
    ("fault", "kind"), [(Drop(), Transient), (status(401, "Unauthorized", "Unauthorized"), Unauthorized)]
)
def test_a_lost_server_ends_a_batch(
    serve: Serve, door: Open, fault: Reply | Drop, kind: type[Exception]
) -> None:
    """Only what was really sent is in doubt; the rest of the batch says that it was not sent."""
    server = serve(in_turn(fault))
    results = door(server.url).write_many([create(f"w{i}") for i in range(300)])
    unsent = [r for r in results if re.search("was not sent", str(r))]
    assert len(results) == 300
    assert all(isinstance(r, kind) for r in unsent)
    assert len(unsent) == 300 - len(server.received) > 200


def test_a_long_body_arrives_whole(serve: Serve, door: Open) -> None:
    """An object of more than a megabyte goes out in parts, and its answer comes back whole."""
    data = {"data": {"a": "x" * 1_400_000}}
    server = serve(lambda received: Reply(201, received.body))
    answer = door(server.url).write(Write(Verb.CREATE, CONFIG_MAPS, "a", "shop", body=data))
    assert answer["data"] == server.received[0].body["data"] == data["data"]


def test_a_closed_door_waits_for_what_is_under_way_and_opens_again(serve: Serve, door: Open) -> None:
    """What was sent is answered, what was not says so, and the next request finds the way as the first did."""
    begun, go_on = threading.Event(), threading.Event()

    def behaviour(_: Received) -> Reply:
        begun.set()
        go_on.wait(5)
        return CREATED

    server = serve(behaviour)
    cluster = door(server.url, in_flight=2)
    results = cluster.send_many([create(f"w{i}") for i in range(20)])
    assert begun.wait(5)
    closing = threading.Thread(target=cluster.close)
    closing.start()
    while not cluster._closing:
        closing.join(0.01)
    go_on.set()
    closing.join(10)
    answers = list(results)
    sent = len(server.received)
    assert sum(isinstance(a, Transient) for a in answers) == 20 - sent > 0
    assert cluster.write(create())["kind"] == "ConfigMap"
    assert len(server.received) == sent + 1


def test_pages_follow_the_token(serve: Serve, door: Open) -> None:
    """Each page is asked for with the token of the last, the selector and the limit."""
    first = Reply(200, {"metadata": {"continue": "next"}, "items": [{"metadata": {"name": "a"}}]})
    last = Reply(200, {"metadata": {}, "items": [{"metadata": {"name": "b"}}]})
    server = serve(in_turn(first, last))
    pages = list(door(server.url).pages(CONFIG_MAPS, namespace="shop", label_selector="app=x", limit=1))
    assert [[o["metadata"]["name"] for o in page] for page in pages] == [["a"], ["b"]]
    assert [r.query for r in server.received] == [
        {"labelSelector": "app=x", "limit": "1"},
        {"labelSelector": "app=x", "limit": "1", "continue": "next"},
    ]


def test_a_page_asks_for_as_many_objects_as_are_small_enough(serve: Serve, door: Open) -> None:
    """The first page is short; after it a page weighs 16 MiB or has 500 objects, whichever is less."""
    for weight, wanted in ((1_000_000, "16"), (100, "500"), (20_000_000, "1")):
        full = {"metadata": {"name": "a"}, "data": {"a": "x" * weight}}
        empty = {"metadata": {"name": "b"}}
        pages = ({"metadata": {"continue": "next"}, "items": [full]}, {"metadata": {}, "items": [empty]})
        server = serve(in_turn(*(Reply(200, page) for page in pages)))
        assert sum(map(len, door(server.url).pages(CONFIG_MAPS))) == 2
        assert [received.query["limit"] for received in server.received] == ["64", wanted]


def test_an_expired_token_starts_the_list_again(serve: Serve, door: Open) -> None:
    """After a 410 the list begins anew: an object may come twice, but none is missed."""
    first = Reply(200, {"metadata": {"continue": "next"}, "items": [{"metadata": {"name": "a"}}]})
    whole = Reply(200, {"items": [{"metadata": {"name": "a"}}, {"metadata": {"name": "b"}}]})
    server = serve(in_turn(first, status(410, "Expired", "too old"), whole))
    names = [o["metadata"]["name"] for page in door(server.url).pages(CONFIG_MAPS) for o in page]
    assert names == ["a", "a", "b"]


def test_a_list_that_always_expires_is_asked_for_whole(serve: Serve, door: Open) -> None:
    """A list slower than etcd's history ends all the same."""

    def behaviour(received: Received) -> Reply:
        if "continue" in received.query:
            return status(410, "Expired", "too old")
        token = {"continue": "next"} if "limit" in received.query else {}
        return Reply(200, {"metadata": token, "items": [{"metadata": {"name": "a"}}]})

    assert len(list(door(serve(behaviour).url).pages(CONFIG_MAPS))) == 4
