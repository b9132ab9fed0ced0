"""The cluster door against a real API server."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from migrate.doors.cluster import PAGE, ClusterIdentity, Write
from migrate.doors.slowed import Slowed
from migrate.errors import DoorError, Forbidden, NotFound, Refused, Transient, Unauthorized
from migrate.kube.access import Access
from migrate.kube.answers import TurnedAway, Waking
from migrate.kube.discovery import discover
from migrate.kube.flow import Flows
from migrate.kube.pace import Pace
from migrate.kube.patience import Patience
from migrate.kube.slowing import Slowing
from migrate.kube.stored import StoredVersions
from migrate.kube.targets import member, secret, write_request
from migrate.kube.transport import Answer, NoAnswer, NotSent, Request, Transport
from migrate.kube.wire import Wire
from migrate.model.ids import Side
from migrate.model.objects import Object, Resource

_RESTARTS = 3
"""How often a list is begun again by pages before it is asked for whole."""

_FIRST = 64
"""Objects on the first page of a list, before it is known how large they are: 1.5 MB each, at the most."""

_PAGE_BYTES = 16 << 20
"""What a page should weigh: lists are in memory as they came, and 500 objects of 1 MB would be half a gigabyte."""

_WAKING = 10.0
"""Seconds after a lost connection in which a 401 or 403 is doubted: an API server that has just started authorizes
before its caches of roles and bindings are filled, and refuses what it will allow a moment later."""

_WARNED = 2000
"""Objects whose warnings are kept until somebody asks; a storm of them must not fill the memory."""

_WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')
"""One value of the header Warning, as in `299 - "unknown field \\"spec.x\\""`; source: RFC 7234, 5.5."""


_NAMING = 5.0
"""Seconds for the names of what slowed us down; they are worth no more."""

CONCEALED = "something about a Secret; its words may quote a value"
"""What is told of a warning whose words may not be repeated."""


class KubeCluster:
    """One cluster behind its API server; made by `migrate.kube.connect.connect`, safe to share between threads."""

    def __init__(
        self,
        name: str,
        side: Side,
        access: Access,
        transport: Transport,
        *,
        patience: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name = name
        self._side = side
        self._access = access
        self._transport = transport
        self._patience = Patience(patience, sleep)
        self._hurry = Patience(_NAMING, sleep)
        self._pace = Pace(most=transport.in_flight)
        self._slowing = Slowing(self._pace)
        self._flows = Flows(self._in_passing)
        self._wire = Wire(str(side))
        self._closing = False
        self._lock = threading.Lock()
        self._lost_at = float("-inf")
        self._undiscovered: Mapping[str, str] = {}
        self._stored = StoredVersions(self._call)
        self._warned: dict[tuple[str, str, str], list[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def side(self) -> Side:
        """Which side of the move this cluster is."""
        return self._side

    @property
    def name(self) -> str:
        """The kubeconfig's context."""
        return self._name

    def close(self) -> None:
        """Wait for writes under way and close every connection; the door may be used again afterwards."""
        self._closing = True
        self._wire.close(self._transport.close())
        self._closing = False

    def requests(self) -> int:
        """How many HTTP requests went out, repeats included."""
        return self._transport.sent

    def identity(self) -> ClusterIdentity:
        """Read who this cluster is; `ca_digest` is the SHA-256 of the kubeconfig's CA certificates."""
        namespace = self._call(Request("GET", "/api/v1/namespaces/kube-system", "read namespace kube-system"))
        version = self._call(Request("GET", "/version", "read the server's version"))
        return ClusterIdentity(
            uid=str(namespace["metadata"]["uid"]),
            version=str(version.get("gitVersion", "")),
            server=self._access.server,
            ca_digest=self._access.ca_digest,
        )

    def resources(self) -> Sequence[Resource]:
        """Discover what is served; an aggregated API that is down is left out and named in `undiscovered`.

        Each in the version that the server prefers; where a webhook converts, in the one that is stored.
        """
        served = discover(self._call)
        self._undiscovered = served.undiscovered
        return tuple(self._stored.of(served.resources))

    @property
    def undiscovered(self) -> Mapping[str, str]:
        """The group versions that the latest discovery could not see into, and why."""
        return self._undiscovered

    def pages(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        limit: int = PAGE,
        ownership: bool = False,
    ) -> Iterator[Sequence[Object]]:
        """List objects by pages; an expired continue token starts again, at the last all at once.

        No page has more than `limit` objects; where they are large it has fewer. Raises NotFound where the resource
        is not served.
        """
        path = resource.collection(namespace)
        selector = {"labelSelector": label_selector} if label_selector else {}
        token, restarts, size = "", 0, min(limit, _FIRST)
        while True:
            query = {**selector, **({"limit": str(size)} if restarts < _RESTARTS else {})}
            if token:
                query["continue"] = token
            request = _list_request(resource, f"{path}?{urlencode(query)}")
            try:
                answer = self._wire.call(self._answer(request))
            except Refused as error:
                # a token lives as long as etcd's history, five minutes by default
                if error.status != 410 or not token:
                    raise
                token, restarts = "", restarts + 1
                continue
            page = _decoded(request, answer)
            items = page.get("items") or ()
            size = _fitting(len(items), len(answer.body), most=limit) if items else size
            if not ownership:
                for item in items:
                    item["metadata"].pop("managedFields", None)
            yield [_complete(resource, item) for item in items]
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return

    def get(self, resource: Resource, name: str, namespace: str = "") -> Object | None:
        """Read one object; None where there is none, or where the resource is not served."""
        what = f"read {resource.kind} {f'{namespace}/{name}' if namespace else name}"
        try:
            found: Object = self._call(
                Request("GET", member(resource, name, namespace), what, confidential=secret(resource))
            )
        except NotFound:
            return None
        return found

    def write(self, write: Write) -> Object:
        """Do one write, once; it is sent again only where nothing had happened, or where it is a dry run."""
        return self._wire.call(self._written(write))

    def write_many(self, writes: Sequence[Write]) -> Sequence[Object | DoorError]:
        """Do many independent writes, as many at a time as the server keeps up with; results in the same order.

        Once the server is lost, refuses the credentials or has turned a write away for as long as we are patient, what
        was not sent yet is not sent: each of those returns Transient (or Unauthorized), so that only what was really under
        way is in doubt, and a batch takes no longer than it is worth.
        """
        return list(self.send_many(writes))

    def send_many(self, writes: Sequence[Write]) -> Iterator[Object | DoorError]:
        """Begin many independent writes; whoever asks for the first result waits for all. They are in the same order."""
        return _results(self._wire.begin(self._all(writes)))

    def warnings(self, resource: Resource, name: str, namespace: str = "") -> Sequence[str]:
        """Take what the server has warned of in its answers to writes of an object since this was last asked."""
        with self._lock:
            return tuple(self._warned.pop((resource.name, namespace, name), ()))

    def slowed(self) -> Sequence[Slowed]:
        """What the server's priority levels held up since this door was opened; their names are read once, where that is allowed."""
        return self._wire.call(self._slowed()) if self._slowing.held else ()

    def may(self, verb: str, resource: Resource, namespace: str = "") -> bool:
        """Ask whether these credentials have a right; a subresource is written `plural/subresource`."""
        plural, _, subresource = resource.plural.partition("/")
        asked = {"verb": verb, "group": resource.group, "resource": plural, "subresource": subresource}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**asked, "namespace": namespace}},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self._call(
            Request("POST", path, f"ask for the right to {verb} {resource.name}", body=review)
        )
        return bool((answer.get("status") or {}).get("allowed"))

    async def _all(self, writes: Sequence[Write]) -> Sequence[Object | DoorError]:
        """Do writes side by side, as many at a time as there are seats, and no more than the server keeps up with."""
        fate, left = _Fate(), iter(enumerate(writes))
        found: dict[int, Object | DoorError] = {}

        async def some() -> None:
            for place, write in left:
                await self._pace.take()
                try:
                    found[place] = await self._attempt(write, fate)
                finally:
                    self._pace.give()

        await asyncio.gather(*(some() for _ in range(min(len(writes), self._transport.in_flight))))
        return [found[place] for place in range(len(writes))]

    async def _attempt(self, write: Write, fate: _Fate) -> Object | DoorError:
        if self._closing:
            fate.learn(NoAnswer("this end was closed"))
        if fate.error is not None:
            return fate.of_the_unsent(write)
        try:
            return await self._written(write)
        except DoorError as error:
            fate.learn(error)
            return error

    async def _written(self, write: Write) -> Object:
        request = write_request(write)
        answer = await self._answer(request)
        self._note_warnings(write, request, answer)
        written: Any = _decoded(request, answer)
        return {} if written.get("kind") == "Status" else written  # how a delete that is done at once answers

    def _call(self, request: Request) -> Any:
        """Send a request, again where that is safe, and return its JSON."""
        return _decoded(request, self._wire.call(self._answer(request)))

    async def _answer(self, request: Request) -> Answer:
        try:
            return await self._patience.call(request, lambda: self._once(request))
        except TurnedAway as error:
            flow = await self._flows.named(error.flow)
            message = f"{error}; all seats of {flow} are taken" if flow.level else str(error)
            raise TurnedAway(message, retry_after=error.retry_after, flow=error.flow) from error

    async def _slowed(self) -> Sequence[Slowed]:
        found = []
        for uids, held in tuple(self._slowing.held.items()):
            flow = await self._flows.named(uids)
            found.append(
                Slowed(held.refused, held.longest, held.slower, self._pace.limit, flow.level, flow.schema)
            )
        return found

    async def _in_passing(self, request: Request) -> Answer:
        """Ask for what is good to know: not for long, and no lesson for the pace."""

        async def once() -> Answer:
            return self._hurry.checked(request, await self._transport.send(request))

        return await self._hurry.call(request, once)

    async def _once(self, request: Request) -> Answer:
        began = time.monotonic()
        try:
            answer = self._patience.checked(request, await self._transport.send(request))
        except (NotSent, NoAnswer):
            self._lost_at = time.monotonic()
            raise
        except TurnedAway as error:
            self._slowing.refused(request, error, began)
            raise
        except (Forbidden, Unauthorized) as error:
            if time.monotonic() - self._lost_at < _WAKING:
                raise Waking(str(error)) from error
            raise
        self._slowing.answered(request, answer, began)
        return answer

    def _note_warnings(self, write: Write, request: Request, answer: Answer) -> None:
        """Keep what the server warned of, such as a field that it dropped, until somebody asks for it."""
        said = _WARNING.findall(answer.headers.get("Warning") or "")
        if not said:
            return
        words = [re.sub(r"\\(.)", r"\1", text) for text in said]
        key = (write.resource.name, write.namespace, write.name)
        with self._lock:
            while len(self._warned) >= _WARNED:
                del self._warned[next(iter(self._warned))]  # the one that nobody has asked for the longest
            self._warned.setdefault(key, []).extend([CONCEALED] if request.confidential else words)


def _results(under_way: Future[Sequence[Object | DoorError]]) -> Iterator[Object | DoorError]:
    yield from under_way.result()


class _Fate:
    """What befell a batch: the error after which nothing more of it is sent."""

    def __init__(self) -> None:
        self.error: DoorError | None = None

    def learn(self, error: DoorError) -> None:
        if isinstance(error, NoAnswer | Unauthorized | TurnedAway):
            self.error = error

    def of_the_unsent(self, write: Write) -> DoorError:
        text = (
            f"{write.verb} {write.resource.kind} {write.name} was not sent, because before it: {self.error}"
        )
        return Unauthorized(text, status=401) if isinstance(self.error, Unauthorized) else Transient(text)


def _fitting(objects: int, weighed: int, *, most: int) -> int:
    """How many objects the next page asks for, by what those of the last one weighed."""
    return max(1, min(most, _PAGE_BYTES * objects // weighed))


def _list_request(resource: Resource, target: str) -> Request:
    return Request("GET", target, f"list {resource.name}", confidential=secret(resource), large=True)


def _complete(resource: Resource, item: Object) -> Object:
    # on the wire a list says apiVersion and kind once, for all its items
    return {"apiVersion": resource.api_version, "kind": resource.kind, **item}


def _decoded(request: Request, answer: Answer) -> Any:
    try:
        decoded = answer.json()
    except ValueError:
        decoded = None
    if not isinstance(decoded, Mapping):
        kind = answer.headers.get("Content-Type", "nothing").partition(";")[0]
        raise NoAnswer(
            f"{request.what}: the answer is {kind}, not JSON; a proxy in between may have written it"
        )
    return decoded
