"""By what a route's clients come in, and what of it can open on green beside blue."""

from __future__ import annotations

from typing import Any

from migrate.model.objects import Object
from migrate.planning.routes import Closure, closures, exposed
from tests.replay.builders import decided, deployment, inventory, migration, obj, service

GATEWAYS = "gateway.networking.k8s.io/v1"
NGINX = {"containers": [{"name": "main", "image": "registry.k8s.io/ingress-nginx/controller:v1.12.1"}]}


def route(*objects: Object, services: tuple[str, ...] = ("shop/web",), **workloads: Any) -> Closure:
    """The closure of the only route."""
    cutover = {"kind": "simulated", "routes": [{"name": "shop", "services": services}]}
    file = migration(workloads, cutover=cutover)
    blue = inventory(deployment("web"), *objects)
    (found,) = closures(blue, decided(blue, file), file)
    return found


def ingress(name: str, *services: str, **more: Any) -> dict[str, Any]:
    """An Ingress that leads to some Services."""
    backends = [{"service": {"name": service, "port": {"number": 80}}} for service in services]
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend} for backend in backends]
    spec = {"rules": [{"http": {"paths": paths}}]}
    return obj("Ingress", name, "shop", "networking.k8s.io/v1", spec=spec, **more)


def balancer(name: str, namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    """A Service with an address of its own."""
    return service(name, namespace, type="LoadBalancer", **spec)


def test_a_service_that_is_reached_by_itself_needs_nothing() -> None:
    """Who comes by a node port comes through no Ingress of others, and no other balancer."""
    found = route(service("web", type="NodePort"), ingress("api", "api"), balancer("other"))
    assert found.ways_in == ()
    assert found.rampable


def test_an_external_address_is_a_way_in_like_a_node_port() -> None:
    """What counts as reached from outside is one and the same for a route's Services and for its ways in."""
    blue = inventory(
        service("named", externalIPs=["192.0.2.7"]),
        service("ported", type="NodePort"),
        service("system", "kube-system", externalIPs=["192.0.2.8"]),
        service("inside"),
    )
    assert exposed(blue) == ("shop/named", "shop/ported")


def test_what_leads_to_a_service_is_its_way_in() -> None:
    """The Ingress that names it, not its neighbour; a balancer of its own; a Gateway by the route that hangs on it."""
    there = route(service("web", type="NodePort"), ingress("web", "web"), ingress("api", "api"))
    assert there.ways_in == ("Ingress shop/web",)
    assert route(balancer("web")).ways_in == ("Service shop/web",)
    gateway = obj("Gateway", "edge", "infra", GATEWAYS, spec={"gatewayClassName": "envoy"})
    parents = [{"name": "edge", "namespace": "infra"}]
    leading = {"parentRefs": parents, "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}
    through = route(
        service("web", type="NodePort"), gateway, obj("HTTPRoute", "web", "shop", GATEWAYS, spec=leading)
    )
    assert through.ways_in == ("Gateway infra/edge",)


def test_an_ingress_is_reached_by_its_controllers_balancer() -> None:
    """The controller is part of what the route needs, and its Service opens; other balancers stay as they are."""
    found = route(
        service("web"),
        ingress("web", "web"),
        deployment("nginx", "edge", pod=NGINX),
        balancer("nginx", "edge"),
        balancer("other"),
    )
    assert found.ways_in == ("Service edge/nginx", "Ingress shop/web")
    assert found.workloads == ("Deployment edge/nginx", "Deployment shop/web")
    assert found.rampable


def test_a_controller_that_may_not_run_twice_blocks_the_ramp() -> None:
    """Nobody would answer for the Ingress on green."""
    held = [{"namespace": "edge", "name": "nginx"}]
    found = route(service("web"), ingress("web", "web"), deployment("nginx", "edge", pod=NGINX), hold=held)
    assert found.blocking == ("Deployment edge/nginx",)


def test_where_nothing_tells_the_way_all_open() -> None:
    """A Service that nothing known leads to is reached by something: whatever it is, it answers the probe."""
    found = route(service("web"), ingress("api", "api"), balancer("other"))
    assert found.ways_in == ("Service shop/other", "Ingress shop/api")


def test_an_address_that_blue_has_cannot_be_asked_on_green() -> None:
    """The route is switched, and the words say why; on a way that only may be the route's it blocks nothing."""
    found = route(balancer("web", loadBalancerIP="192.0.2.7"))
    assert (found.ways_in, found.shut) == ((), ("Service shop/web (blue has its address)",))
    assert not found.rampable
    assert route(service("web"), balancer("other", loadBalancerIP="192.0.2.7")).rampable


def test_one_free_entrance_is_enough() -> None:
    """Of a controller's two Services one can be asked: the operator points the probe there."""
    objects = service("web"), ingress("web", "web"), deployment("nginx", "edge", pod=NGINX)
    fixed = balancer("nginx", "edge", loadBalancerIP="192.0.2.7")
    assert route(*objects, fixed).shut == ("Service edge/nginx (blue has its address)",)
    inner = balancer("inner", "edge", selector={"app": "nginx"})
    found = route(*objects, fixed, inner)
    assert found.ways_in == ("Service edge/inner", "Ingress shop/web")
    assert found.rampable


def test_nothing_opens_beside_who_would_publish_it() -> None:
    """With external-dns on green by the operator's word, an open Ingress would become a record beside blue's."""
    dns = deployment(
        "dns", "infra", pod={"containers": [{"name": "main", "image": "example/external-dns:1"}]}
    )
    objects = service("web"), ingress("web", "web"), dns
    assert route(*objects).rampable
    named = [{"namespace": "infra", "name": "dns"}, {"namespace": "shop"}]
    found = route(*objects, start=named)
    assert found.shut == ("Ingress shop/web (Deployment infra/dns runs on green and would publish it)",)
    assert not found.rampable


def test_what_the_operator_holds_stays_shut() -> None:
    """A rule that holds an Ingress is not overruled for a probe's sake."""
    rules = [{"kind": "Ingress", "name": "web", "hold": True, "reason": "not before Monday"}]
    found = route(service("web"), ingress("web", "web"), rules=rules)
    assert (found.ways_in, found.shut) == ((), ("Ingress shop/web (operator.1 holds it)",))


def test_a_closure_survives_the_journal() -> None:
    """Every part of it; a journal of before knows of no ways in."""
    found = route(balancer("web", loadBalancerIP="192.0.2.7"), ingress("web", "web"))
    written = found.as_json()
    assert Closure.of_json(written) == found
    older = {key: value for key, value in written.items() if key not in {"waysIn", "shut"}}
    assert Closure.of_json(older).ways_in == ()
