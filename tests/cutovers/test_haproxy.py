"""HAProxy itself: weights, states, reloads, refusals and what an outside client sees of it all."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrate.cutovers import FileStore
from migrate.cutovers.haproxy import HAProxyTraffic
from migrate.cutovers.prober import Prober, probe
from migrate.errors import MigrationFileError, NotFound, Refused, Unreachable
from migrate.model.ids import RouteName, Side
from migrate.model.migration import Cutover, HAProxy, RouteSpec
from tests.cutovers.clocks import StillClock
from tests.cutovers.haproxy_fixture import Balancer, running, wait_until

pytestmark = pytest.mark.haproxy

SHOP = RouteName("shop")


def traffic_of(balancer: Balancer, backend: str = "shop", *, keep: bool = False) -> HAProxyTraffic:
    return HAProxyTraffic(balancer.cutover(backend, keep=keep), StillClock())


def weights_of(balancer: Balancer, backend: str = "shop") -> dict[str, int]:
    """The weights as the socket tells them, without the code under test."""
    rows = [line.split() for line in balancer.ask(f"show servers state {backend}").splitlines()[2:]]
    return {row[3]: int(row[7]) for row in rows}


def blue_asked(balancer: Balancer) -> int:
    """How many requests blue's servers have read that are under way yet: each takes as long as they are slow."""
    rows = csv.DictReader(balancer.ask("show stat shop 4 -1").removeprefix("# ").splitlines())
    return sum(int(row["scur"]) for row in rows if row["svname"] in {"b1", "b2"})


@pytest.fixture
def traffic(balancer: Balancer) -> HAProxyTraffic:
    return traffic_of(balancer)


class TestRamp:
    """What a client outside sees of a ramp, and of what goes wrong in one."""

    def test_a_ramp_to_green_and_back_fails_no_request(
        self, balancer: Balancer, traffic: HAProxyTraffic
    ) -> None:
        """0, 1, 5, 25, 50, 100 and back to 0 under 200 requests a second, many of them slow: none is lost."""
        for name in ("b1", "g1"):
            balancer.backends.behave(name, latency=0.05)
        seen = {}
        with Prober(
            balancer.url, rate=41
        ) as client:  # no divisor of the other rate, or each gets turns of its own
            for green in (0, 1, 5, 25, 50, 100, 0):
                traffic.set(SHOP, green)
                # asked behind the set and answered before the next; one in a hundred is to be seen at all
                report = probe(balancer.url, count=600 if 0 < green < 5 else 180, rate=150, timeout=20)
                assert report.failed == 0, report.sample().errors
                seen[green] = report.clusters.get("green", 0) / report.sent
        report = client.report()
        assert report.sent > 300
        assert report.failed == 0, report.sample().errors
        assert 0.0 < seen[1] < 0.05
        assert 0.17 < seen[25] < 0.33
        assert 0.42 < seen[50] < 0.58
        assert (seen[0], seen[100]) == (0.0, 1.0)

    def test_killing_blue_under_weight_is_seen_as_failures(
        self, balancer: Balancer, traffic: HAProxyTraffic
    ) -> None:
        """The positive control: a client that counts no failure in a ramp would count one here, and so does HAProxy."""
        traffic.set(SHOP, 33)
        before = traffic.counts(SHOP)
        with Prober(balancer.url, rate=200) as client:
            wait_until(lambda: client.report().sent > 20, "requests under weight")
            assert client.report().failed == 0
            for name in ("b1", "b2"):
                balancer.backends.behave(name, up=False)
            wait_until(lambda: "b1, b2" in traffic.read(SHOP).detail, "the health checks to notice")
            share = traffic.read(SHOP)
        assert client.report().failed >= 5
        assert "503" in "".join(client.report().sample().errors)
        after = traffic.counts(SHOP)
        assert before is not None
        assert after is not None
        assert after[Side.BLUE].errors - before[Side.BLUE].errors >= 5
        assert after[Side.GREEN].errors == before[Side.GREEN].errors
        assert share.green == 33  # what the weights say; that they are not what happens is said beside it
        assert not share.consistent
        assert "DOWN" in share.servers["b1"]

    def test_sessions_under_way_finish_after_the_switch(
        self, balancer: Balancer, traffic: HAProxyTraffic
    ) -> None:
        """At 100 % blue takes nothing new, its open sessions are counted, and every one of them ends well."""
        for name in ("b1", "b2"):
            balancer.backends.behave(name, latency=4)
        with Prober(balancer.url, rate=100, count=20, timeout=20) as client:
            wait_until(lambda: blue_asked(balancer) == 20, "every request to be under way on blue")
            traffic.set(SHOP, 100)
            during = traffic.counts(SHOP)
            report = client.wait()
        assert during is not None
        assert during[Side.BLUE].sessions > 5
        assert (report.failed, report.clusters["blue"]) == (0, 20)
        after = traffic.counts(SHOP)
        assert after is not None
        assert after[Side.BLUE].sessions == 0
        assert probe(balancer.url, count=20, rate=200).clusters == {"green": 20}


class TestWeights:
    """What is set, what is left alone, what is read back."""

    def test_the_configured_split_is_read(self, traffic: HAProxyTraffic) -> None:
        """Blue has it all at the start, and the read changes nothing."""
        share = traffic.read(SHOP)
        assert (share.green, share.consistent) == (0, True)
        assert set(share.servers) == {"b1", "b2", "g1", "g2"}
        assert share.servers["g1"].startswith("weight 0")

    def test_setting_what_stands_writes_nothing(self, balancer: Balancer, traffic: HAProxyTraffic) -> None:
        """A fresh configuration at 0 % keeps its own weights, and the same percentage twice is the same weights."""
        traffic.set(SHOP, 0)
        assert weights_of(balancer) == {"b1": 1, "b2": 1, "g1": 0, "g2": 0}
        traffic.set(SHOP, 25)
        first = weights_of(balancer)
        traffic.set(SHOP, 25)
        assert weights_of(balancer) == first == {"b1": 75, "b2": 75, "g1": 25, "g2": 25}

    def test_a_weight_that_drifted_is_set_again(self, balancer: Balancer, traffic: HAProxyTraffic) -> None:
        """Weights are absolute: whatever stood before, the split is the one asked for."""
        balancer.ask("set server shop/b2 weight 7")
        balancer.ask("set server shop/g1 weight 200")
        assert traffic.read(SHOP).green == 96
        traffic.set(SHOP, 5)
        assert weights_of(balancer) == {"b1": 95, "b2": 95, "g1": 5, "g2": 5}

    def test_a_damaged_note_keeps_no_weight_from_being_set(self, balancer: Balancer, tmp_path: Path) -> None:
        """What the tool noted of itself is told to be unreadable; the balancer alone says what stands."""
        notes = tmp_path / "traffic.json"
        notes.write_text('{"haproxy/shop": "{')
        traffic = HAProxyTraffic(balancer.cutover("shop"), StillClock(), FileStore(notes))
        with pytest.raises(
            Refused, match=r"the weights of 0 % stand, but that could not be noted: .*move it away"
        ):
            traffic.set(SHOP, 0)
        assert weights_of(balancer) == {"b1": 1, "b2": 1, "g1": 0, "g2": 0}
        share = traffic.read(SHOP)
        assert (share.green, share.consistent) == (0, True)
        assert "what was noted of shop cannot be read" in share.detail

    def test_all_weights_zero_is_read_as_serving_nothing(
        self, balancer: Balancer, traffic: HAProxyTraffic
    ) -> None:
        """Nobody is served, and the share says so."""
        for name in ("b1", "b2"):
            balancer.ask(f"set server shop/{name} weight 0")
        share = traffic.read(SHOP)
        assert (share.green, share.consistent) == (0, False)
        assert "nothing is served" in share.detail

    def test_one_server_held_by_a_person_stays_held(
        self, balancer: Balancer, traffic: HAProxyTraffic
    ) -> None:
        """Its side is served by the others at the percentage asked for, and the share tells of it."""
        balancer.ask("set server shop/b2 state maint")
        traffic.set(SHOP, 25)
        share = traffic.read(SHOP)
        assert weights_of(balancer)["b2"] == 0
        assert share.green == 25
        assert "MAINT" in share.servers["b2"]
        assert "held in drain or maintenance while the rest of blue serves: b2" in share.detail

    def test_abort_brings_a_drained_blue_back(self, balancer: Balancer, traffic: HAProxyTraffic) -> None:
        """With the whole of blue in drain and maintenance, 0 % makes it ready: the way back never waits for a person."""
        traffic.set(SHOP, 100)
        balancer.ask("set server shop/b1 state drain")
        balancer.ask("set server shop/b2 state maint")
        traffic.set(SHOP, 0)
        assert traffic.read(SHOP).green == 0
        assert probe(balancer.url, count=10, rate=100).clusters == {"blue": 10}

    def test_the_way_back_is_not_refused_for_a_dead_green(
        self, balancer: Balancer, traffic: HAProxyTraffic
    ) -> None:
        """Green dies at 50 %, and the return to blue works."""
        traffic.set(SHOP, 50)
        for name in ("g1", "g2"):
            balancer.backends.behave(name, up=False)
        wait_until(lambda: not traffic.read(SHOP).consistent, "the health check to notice")
        traffic.set(SHOP, 0)
        assert traffic.read(SHOP).green == 0

    def test_a_green_that_is_down_gets_no_traffic(self, balancer: Balancer, traffic: HAProxyTraffic) -> None:
        """Weight for a side that is down would be a claim that nothing stands behind."""
        for name in ("g1", "g2"):
            balancer.backends.behave(name, up=False)
        wait_until(lambda: str(traffic.read(SHOP).servers).count("DOWN") == 2, "the health checks to notice")
        with pytest.raises(Refused, match="no server of green is up"):
            traffic.set(SHOP, 1)
        assert weights_of(balancer)["g1"] == 0

    def test_green_is_probed_while_its_weight_is_zero(
        self, balancer: Balancer, traffic: HAProxyTraffic
    ) -> None:
        """The direct URL goes past the balancer."""
        before = traffic.counts(SHOP)
        sample = traffic.probe(SHOP, Side.GREEN, count=20, rate=200)
        assert (sample.sent, sample.failed) == (20, 0)
        assert traffic.counts(SHOP) == before


class TestCounts:
    """The balancer's own counts.

    Each test has a HAProxy of its own: after a server has come back, roundrobin may take some hundred requests until
    it deals by the weights again.
    """

    @pytest.fixture
    def traffic(self) -> Iterator[HAProxyTraffic]:
        with running() as balancer:
            yield traffic_of(balancer)

    def test_counts_follow_the_split(self, traffic: HAProxyTraffic) -> None:
        """Each side's requests are the balancer's own count, exact to the request."""
        traffic.set(SHOP, 25)
        before = traffic.counts(SHOP)
        assert traffic.sample(SHOP, count=100, rate=400).failed == 0
        after = traffic.counts(SHOP)
        assert before is not None
        assert after is not None
        grown = {side: after[side].requests - before[side].requests for side in Side}
        assert sum(grown.values()) == 100
        assert 15 <= grown[Side.GREEN] <= 40

    def test_requests_on_lasting_connections_are_counted_one_by_one(self, traffic: HAProxyTraffic) -> None:
        """Few client connections, many requests: they are split and counted by request."""
        traffic.set(SHOP, 50)
        before = traffic.counts(SHOP)
        url = traffic._routes.get(SHOP).probe
        assert url is not None
        report = probe(url, count=60, rate=300, keep_alive=True)
        after = traffic.counts(SHOP)
        assert before is not None
        assert after is not None
        for side in Side:
            assert after[side].requests - before[side].requests == report.clusters[side.value]
        assert report.clusters["green"] == pytest.approx(30, abs=15)


class TestAlgorithms:
    """Ways of balancing that heed weights otherwise, or not at all."""

    def test_a_static_algorithm_refuses_percentages_in_between(self, balancer: Balancer) -> None:
        """It is said what to write, and no weight has moved."""
        before = weights_of(balancer, "fixed")
        with pytest.raises(Refused, match=r"static algorithm, which takes only 0 % and 100 %.*roundrobin"):
            traffic_of(balancer, "fixed").set(SHOP, 25)
        assert weights_of(balancer, "fixed") == before

    def test_a_static_algorithm_is_switched_as_a_whole(self, balancer: Balancer) -> None:
        """0 and 100 % work by what the configuration says of each server."""
        traffic = traffic_of(balancer, "fixed")
        traffic.set(SHOP, 100)
        assert traffic.read(SHOP).green == 100
        assert weights_of(balancer, "fixed") == {"b1": 0, "b2": 0, "g1": 3, "g2": 3}
        traffic.set(SHOP, 0)
        assert weights_of(balancer, "fixed") == {"b1": 1, "b2": 1, "g1": 0, "g2": 0}

    def test_a_static_algorithm_never_leaves_all_weights_zero(self, balancer: Balancer) -> None:
        """A green that is configured with weight 0 can get none: refused before blue loses its own."""
        with pytest.raises(Refused, match="configured with weight 0"):
            traffic_of(balancer, "bare").set(SHOP, 100)
        assert weights_of(balancer, "bare") == {"b1": 1, "b2": 1, "g1": 0, "g2": 0}

    def test_first_heeds_no_weight_and_is_only_switched(self, balancer: Balancer) -> None:
        """HAProxy would accept the weights of a percentage, and send everything to one server."""
        traffic = traffic_of(balancer, "single")
        with pytest.raises(Refused, match="heeds no weight but 0"):
            traffic.set(SHOP, 50)
        traffic.set(SHOP, 100)
        assert traffic.read(SHOP).green == 100

    def test_strangers_and_balancing_by_load_are_told(self, balancer: Balancer) -> None:
        """A server on neither side that takes traffic makes the percentage untrue; leastconn makes it a tendency."""
        share = traffic_of(balancer, "odd").read(SHOP)
        assert not share.consistent
        assert "belongs to neither side: x1" in share.detail
        assert "balance leastconn goes by open connections" in share.detail

    def test_a_backup_server_is_refused(self, balancer: Balancer) -> None:
        """It takes traffic only when no other server can, whatever its weight."""
        part = HAProxy(socket=balancer.socket, backend="odd", blue=("b1", "b2"), green=("z1",))
        with pytest.raises(Refused, match="z1 of backend odd are backup servers"):
            HAProxyTraffic(Cutover(kind="haproxy", haproxy=part), StillClock()).set(RouteName("odd"), 10)


class TestRefusals:
    """What the file or the socket got wrong."""

    def test_a_backend_or_server_that_is_not_there_is_named(self, balancer: Balancer) -> None:
        """With what there is instead."""
        with pytest.raises(Refused, match="has no backend 'nope'"):
            traffic_of(balancer, "nope").read(SHOP)
        part = HAProxy(socket=balancer.socket, backend="shop", blue=("b1",), green=("g7",))
        with pytest.raises(Refused, match="has no server g7; it has b1, b2, g1, g2"):
            HAProxyTraffic(Cutover(kind="haproxy", haproxy=part), StillClock()).read(SHOP)

    def test_a_socket_below_level_admin_is_refused(self, balancer: Balancer) -> None:
        """Reading works, setting says what the socket needs; nothing has changed."""
        traffic = HAProxyTraffic(balancer.cutover(socket=f"{balancer.folder}/user.sock"), StillClock())
        assert traffic.read(SHOP).green == 0
        with pytest.raises(Refused, match="level admin"):
            traffic.set(SHOP, 10)
        assert traffic.read(SHOP).green == 0

    @pytest.mark.parametrize("green", [-1, 101])
    def test_what_is_no_percentage_is_refused(self, traffic: HAProxyTraffic, green: int) -> None:
        """Before the socket is asked for anything."""
        with pytest.raises(Refused, match="no percentage"):
            traffic.set(SHOP, green)

    def test_an_unknown_route_is_refused(self, traffic: HAProxyTraffic) -> None:
        """With the routes that there are."""
        with pytest.raises(NotFound, match="no route 'other'"):
            traffic.read(RouteName("other"))

    def test_a_server_on_both_sides_is_a_mistake_in_the_file(self) -> None:
        """It is found before anything is asked."""
        part = HAProxy(socket="/run/none.sock", backend="shop", blue=("s1",), green=("s1",))
        with pytest.raises(MigrationFileError) as caught:
            HAProxyTraffic(Cutover(kind="haproxy", haproxy=part), StillClock())
        assert caught.value.problems == ("cutover: server s1 of route shop is named twice",)

    def test_a_route_without_urls_gives_no_samples(self, balancer: Balancer) -> None:
        """No samples is inconclusive: nothing is claimed, and the missing key is named."""
        part = HAProxy(socket=balancer.socket, backend="shop", blue=("b1",), green=("g1",))
        traffic = HAProxyTraffic(Cutover(kind="haproxy", haproxy=part), StillClock())
        assert traffic.routes() == ("shop",)
        for sample, key in (
            (traffic.sample(SHOP, count=10, rate=100), "probe"),
            (traffic.probe(SHOP, Side.GREEN, count=10, rate=100), "directGreen"),
        ):
            assert (sample.sent, sample.failed) == (0, 0)
            assert key in sample.errors[0]

    def test_each_route_can_have_its_own_backend(self, balancer: Balancer) -> None:
        """One route is set and the other stays; their order is the file's."""
        part = balancer.cutover().haproxy
        routes = (RouteSpec(name="web"), RouteSpec(name="api", backend="odd"))
        traffic = HAProxyTraffic(Cutover(kind="haproxy", haproxy=part, routes=routes), StillClock())
        assert traffic.routes() == ("web", "api")
        traffic.set(RouteName("web"), 50)
        assert traffic.read(RouteName("web")).green == 50
        assert traffic.read(RouteName("api")).green == 0


class TestInTheMiddle:
    """A change that is cut off between two servers."""

    def test_a_refusal_on_the_way_puts_back_what_was_changed(
        self, balancer: Balancer, traffic: HAProxyTraffic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The third of four sets is refused: the first two are undone, and the split is as it was."""
        traffic.set(SHOP, 5)
        before = weights_of(balancer)
        api = traffic._socket
        really, calls = api.set_weight, iter(range(100))

        def refuse_the_third(backend: str, server: str, weight: str) -> None:
            if next(calls) == 2:
                raise Refused("said no")
            really(backend, server, weight)

        monkeypatch.setattr(api, "set_weight", refuse_the_third)
        with pytest.raises(Refused, match=r"said no \(the split is as it was\)"):
            traffic.set(SHOP, 50)
        assert weights_of(balancer) == before

    def test_a_lost_answer_is_in_doubt_even_when_the_weights_are_put_back(
        self, balancer: Balancer, traffic: HAProxyTraffic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One answer is lost after its command took effect: the weights go back, and the caller looks again."""
        traffic.set(SHOP, 5)
        before = weights_of(balancer)
        api = traffic._socket
        really, calls = api.set_weight, iter(range(100))

        def lose_the_second(backend: str, server: str, weight: str) -> None:
            really(backend, server, weight)
            if next(calls) == 1:
                raise Unreachable("no answer")

        monkeypatch.setattr(api, "set_weight", lose_the_second)
        with pytest.raises(Unreachable, match="no answer"):
            traffic.set(SHOP, 50)
        assert weights_of(balancer) == before

    def test_a_weight_that_does_not_stand_is_refused(
        self, balancer: Balancer, traffic: HAProxyTraffic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """HAProxy accepts and something else changes the weight at once: an accepted set is not a done one."""
        api = traffic._socket
        really = api.set_weight

        def meddled(backend: str, server: str, weight: str) -> None:
            really(backend, server, weight)
            if server == "g2" and weight != "0":
                balancer.ask(f"set server {backend}/{server} weight 3")

        monkeypatch.setattr(api, "set_weight", meddled)
        with pytest.raises(Refused, match="has weight 3 after weight 25 was set"):
            traffic.set(SHOP, 25)
        assert weights_of(balancer)["g1"] == 0

    def test_a_balancer_that_dies_on_the_way_leaves_the_outcome_in_doubt(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After the second server the socket is gone: Unreachable, with the servers to look at."""
        with running() as balancer:
            traffic = traffic_of(balancer)
            api = traffic._socket
            really, calls = api.set_weight, iter(range(100))

            def then_die(backend: str, server: str, weight: str) -> None:
                if next(calls) == 2:
                    balancer.stop()
                really(backend, server, weight)

            monkeypatch.setattr(api, "set_weight", then_die)
            with pytest.raises(Unreachable, match="Look at b1, b2, g1 again"):
                traffic.set(SHOP, 25)
            with pytest.raises(Refused, match="no runtime socket"):
                traffic.read(SHOP)


class TestReload:
    """A weight set at run time outlives a reload only where it was saved and is loaded."""

    @pytest.fixture
    def plain(self) -> Iterator[Balancer]:
        with running() as balancer:
            yield balancer

    def test_a_reload_forgets_the_weights_and_the_share_tells_why(self, plain: Balancer) -> None:
        """Without a state file green is back at 0 %, the epoch is another, and a later run with the same store sees it."""
        store: dict[str, str] = {}
        traffic = HAProxyTraffic(plain.cutover(), StillClock(), store)
        traffic.set(SHOP, 25)
        assert traffic.read(SHOP).detail == ""
        before = traffic.counts(SHOP)
        plain.reload()
        again = HAProxyTraffic(plain.cutover(), StillClock(), store)
        share = again.read(SHOP)
        assert share.green == 0
        assert "reloaded or restarted since 25 % was set at 2026-12-05T22:00:00+00:00" in share.detail
        after = again.counts(SHOP)
        assert before is not None
        assert after is not None
        assert before[Side.BLUE].epoch != after[Side.BLUE].epoch

    def test_a_reload_that_loads_the_saved_state_keeps_the_weights(self) -> None:
        """With the state file the split survives, and clients do not notice the reload."""
        with running(load_state=True) as balancer:
            traffic = traffic_of(balancer, keep=True)
            traffic.set(SHOP, 25)
            wanted = weights_of(balancer)
            with Prober(balancer.url, rate=100) as client:
                balancer.reload()
                time.sleep(0.3)
            assert weights_of(balancer) == wanted
            assert traffic.read(SHOP).green == 25
            assert client.report().failed == 0, client.report().sample().errors

    def test_what_is_saved_is_what_haproxy_shows(self, balancer: Balancer) -> None:
        """The whole of `show servers state`, in a file that replaced the old one and kept its mode."""
        balancer.state_file.write_text("old")
        balancer.state_file.chmod(0o640)
        traffic_of(balancer, keep=True).set(SHOP, 5)
        lines = balancer.state_file.read_text().splitlines()
        assert lines[0] == "1"
        assert [line.split()[7] for line in lines if " shop " in line] == ["95", "95", "5", "5"]
        assert balancer.state_file.stat().st_mode & 0o777 == 0o640
        assert [path.name for path in balancer.folder.glob(".*")] == []

    def test_a_state_file_that_cannot_be_written_stops_before_the_first_weight(
        self, balancer: Balancer, tmp_path: Path
    ) -> None:
        """It is found out while nothing has changed."""
        part = balancer.cutover().haproxy
        assert part is not None
        (tmp_path / "file").touch()
        kept = part.model_copy(update={"state_file": str(tmp_path / "file" / "servers.state")})
        traffic = HAProxyTraffic(Cutover(kind="haproxy", haproxy=kept), StillClock())
        with pytest.raises(Refused, match="cannot be saved"):
            traffic.set(SHOP, 25)
        assert weights_of(balancer)["g1"] == 0


class TestShapes:
    """Configurations that sites have."""

    def test_a_green_that_is_disabled_in_the_file_is_taken_up_without_a_jump(self) -> None:
        """Configured with `disabled` and a weight of its own, it is made ready at weight 0 and then gets its part."""
        with running(held="disabled", check="") as balancer:
            for name in ("g1", "g2"):
                balancer.ask(f"set server shop/{name} weight 200")
            traffic = traffic_of(balancer)
            assert traffic.read(SHOP).green == 0
            with Prober(balancer.url, rate=100) as client:
                traffic.set(SHOP, 1)
                wait_until(lambda: client.report().sent >= 50, "requests at one in a hundred")
            assert traffic.read(SHOP).green == 1
            report = client.report()
            assert report.clusters.get("green", 0) <= 3 + report.sent // 100
            assert report.failed == 0

    def test_cookies_that_hold_clients_are_told(self) -> None:
        """A client with blue's cookie stays on blue at weight 0: the share warns of it."""
        with running(cookie=True) as balancer:
            traffic = traffic_of(balancer)
            traffic.set(SHOP, 100)
            share = traffic.read(SHOP)
            assert share.green == 100
            assert "cookie NODE keeps a client on its server" in share.detail


def test_the_note_of_a_set_is_plain_json(balancer: Balancer) -> None:
    """The store holds what a person can read: process, percentage, time."""
    store: dict[str, str] = {}
    HAProxyTraffic(balancer.cutover(), StillClock(), store).set(SHOP, 5)
    note = json.loads(store["haproxy/shop"])
    assert note["green"] == 5
    assert set(note) == {"epoch", "green", "at"}
