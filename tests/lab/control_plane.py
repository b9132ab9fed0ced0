"""One real control plane: its programs, its users, its nodes, and ways to break it."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.lab import components, users
from tests.lab.api import Api
from tests.lab.assets import Assets
from tests.lab.components import Place, Spec
from tests.lab.errors import ApiError, ApiUnreachable, LabError
from tests.lab.nodes import is_ready, mask_size, node, node_ranges
from tests.lab.ports import Ports
from tests.lab.processes import Component
from tests.lab.users import User, Users

READY_WITHIN = 60.0
NODES_READY_WITHIN = 60.0
POLL = 0.1


class ControlPlane:
    """Run etcd, API server, controller manager, scheduler and kwok for one cluster.

    Use it as a context manager, or call start and stop. The programs die with this process in any case.
    Where the assets are etcd and kube-apiserver alone there are no nodes, and `whole` is False.
    """

    def __init__(self, spec: Spec, assets: Assets, folder: Path | None = None) -> None:
        self.spec = spec
        self.users = Users()
        self._ranges = node_ranges(spec)
        self._ports = Ports()
        self._temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix=f"cnimigrate-lab-{spec.name}-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self._place = Place(self.folder, assets, *(self._ports.take() for _ in range(3)))
        self._etcd = self._component("etcd", components.etcd(self._place))
        self._server = self._component("kube-apiserver", components.api_server(self._place, spec))
        self._others: list[Component] = []
        self._api: Api | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def name(self) -> str:
        """Return the name, as in blue."""
        return self.spec.name

    @property
    def whole(self) -> bool:
        """Say whether controllers run, so that Deployments roll out and nodes are Ready."""
        return self._place.whole

    @property
    def api(self) -> Api:
        """Return the client of set-up, which is in system:masters; only a started control plane has one."""
        if self._api is None:
            raise LabError(f"control plane {self.name} is not started")
        return self._api

    @property
    def port(self) -> int:
        """Return the port of the API server, the same over restarts."""
        return self._place.api_port

    @property
    def kubeconfig(self) -> Path:
        """Return the kubeconfig of the admin: bound to cluster-admin, and subject to priority and fairness."""
        return self._place.file("admin.kubeconfig")

    @property
    def setup_kubeconfig(self) -> Path:
        """Return the kubeconfig of a member of system:masters; not for measuring, nothing throttles it."""
        return self._place.file("setup.kubeconfig")

    @property
    def limited_kubeconfig(self) -> Path:
        """Return the kubeconfig of a user who may read everything and write nothing."""
        return self._place.file("limited.kubeconfig")

    def kubeconfig_with_bad_token(self) -> Path:
        """Write a kubeconfig whose token the server does not know: every request ends with 401."""
        return self._write_kubeconfig("bad-token", User("nobody"))

    def kubeconfig_with_rules(self, name: str, rules: list[dict[str, Any]]) -> Path:
        """Make a user with just these rules of RBAC and write its kubeconfig; a name serves only once.

        It is a service account in kube-system, since the users of the token file are read at start.
        """
        account = "/api/v1/namespaces/kube-system/serviceaccounts"
        self.api.create(account, {"metadata": {"name": name}})
        users.create_role(self.api, name, rules)
        users.bind(self.api, f"system:serviceaccount:kube-system:{name}", name)
        answer = self.api.create(f"{account}/{name}/token", {"spec": {"expirationSeconds": 86400}})
        return self._write_kubeconfig(name, User(name, token=answer["status"]["token"]))

    def start(self) -> None:
        """Start all programs and return when the nodes are Ready; ComponentFailed quotes the log of a culprit."""
        self._write_files()
        self._etcd.start()
        self._start_api_server()
        self._write_kubeconfigs()
        users.grant(self.api, self.users)
        if self.whole:
            self._start_others()

    def stop(self) -> None:
        """End all programs at once, and remove the folder if it was made here; harmless when repeated."""
        if self._api is not None:
            self._api.close()
            self._api = None
        for component in reversed(self._components):
            component.kill()
        self._others.clear()
        self._ports.close()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def kill_api_server(self) -> None:
        """End the API server by SIGKILL; its data and its port stay for restart_api_server."""
        self._server.kill()
        self.api.close()

    def stop_api_server(self, patience: float = 10.0) -> None:
        """End the API server as an operator would (SIGTERM); open watches may hold it up for the patience."""
        self._server.terminate(patience)
        self.api.close()

    def restart_api_server(self) -> None:
        """Start the API server again, killed first if it runs, on the same port, data and certificate."""
        self.kill_api_server()
        self._start_api_server()

    @contextmanager
    def api_server_down(self) -> Iterator[None]:
        """Have no API server inside the block: connections are refused."""
        self.kill_api_server()
        try:
            yield
        finally:
            self._start_api_server()

    @contextmanager
    def api_server_paused(self) -> Iterator[None]:
        """Have a hanging API server inside the block: connections are accepted, nothing is answered."""
        self._server.pause()
        try:
            yield
        finally:
            self._server.resume()
            self._wait_for_api_server()

    def pause_api_server(self) -> None:
        """Stop the API server (SIGSTOP); better use api_server_paused, which cannot forget to resume."""
        self._server.pause()

    def resume_api_server(self) -> None:
        """Let a paused API server go on, and wait until it answers."""
        self._server.resume()
        self._wait_for_api_server()

    def writes(self, user: User | None = None) -> list[dict[str, Any]]:
        """Return the audit events of writes that a user asked for, refused and dry-run ones too.

        By default those of the admin, reads among them where the spec asks for them. An event names verb, requestURI,
        objectRef and responseStatus.
        """
        name = (user or self.users.admin).name
        log = self._place.file("audit.log")
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return [event for line in lines if (event := json.loads(line))["user"]["username"] == name]

    def check(self) -> None:
        """Raise ComponentFailed where a program has ended by itself."""
        for component in self._components:
            component.check()

    def pids(self) -> list[int]:
        """Return the process ids of the programs that run, for a look at their memory or for a signal."""
        return [component.pid for component in self._components if component.running]

    def wait_until(self, what: str, holds: Callable[[], bool], within: float = 30.0) -> None:
        """Ask until it holds; an API server that is away counts as no, a program that ended is an error."""
        self._wait(self._server, what, holds, within)

    def _component(self, name: str, argv: list[str]) -> Component:
        return Component(self.name, name, argv, self._place.file(f"{name}.log"))

    def _write_files(self) -> None:
        tokens = self._place.file("tokens.csv")
        tokens.touch(mode=0o600)
        tokens.write_text(self.users.token_file(), encoding="utf-8")
        components.write_keys(self._place)
        readers = [self.users.admin.name] if self.spec.reads_audited else []
        components.write_audit_policy(self._place, readers)

    def _start_api_server(self) -> None:
        self._server.start()
        self._wait_for_api_server()

    def _wait_for_api_server(self) -> None:
        self._wait(self._server, "/readyz", self._answers, READY_WITHIN)

    def _answers(self) -> bool:
        if self._api is not None:
            return bool(self._api.get("/readyz") == "ok")
        if not self.certificate.exists():
            return False
        api = Api(self.port, self._ca(), self.users.setup.token)
        with ExitStack() as stack:
            stack.callback(api.close)
            if api.get("/readyz") != "ok":
                return False
            stack.pop_all()
        self._api = api  # kept once it was answered: the certificate that it read may have been half written
        return True

    @property
    def _components(self) -> list[Component]:
        return [self._etcd, self._server, *self._others]

    @property
    def certificate(self) -> Path:
        """Return the certificate that the API server signed for itself; its key is beside it."""
        return self._place.file("certs") / "apiserver.crt"

    def _ca(self) -> str:
        return self.certificate.read_text(encoding="utf-8")

    def _write_kubeconfigs(self) -> None:
        files = {
            "admin": self.users.admin,
            "setup": self.users.setup,
            "limited": self.users.limited,
            "controllers": self.users.controllers,
            "scheduler": self.users.scheduler,
        }
        for file, user in files.items():
            self._write_kubeconfig(file, user)

    def _write_kubeconfig(self, file: str, user: User) -> Path:
        return users.write_kubeconfig(
            self._place.file(f"{file}.kubeconfig"),
            cluster=self.name,
            port=self.port,
            ca=self._ca(),
            user=user.name,
            token=user.token,
        )

    def _start_others(self) -> None:
        mask = mask_size(self.spec)
        manager = components.controller_manager(self._place, self.spec, mask)
        self._others = [
            self._component("kube-controller-manager", manager),
            self._component("kube-scheduler", components.scheduler(self._place)),
            self._component("kwok", components.kwok(self._place, self._ranges)),
        ]
        for component in self._others:
            component.start()
        for index, pods in enumerate(self._ranges, start=1):
            self.api.create("/api/v1/nodes", node(self.spec, index, pods))
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._wait(self._others[0], account, lambda: self._exists(account), READY_WITHIN)
        self._wait(self._others[2], "nodes Ready", self._nodes_ready, NODES_READY_WITHIN)

    def _exists(self, path: str) -> bool:
        try:
            self.api.get(path)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def _nodes_ready(self) -> bool:
        nodes = self.api.get("/api/v1/nodes")["items"]
        return sum(map(is_ready, nodes)) >= self.spec.nodes

    def _wait(self, component: Component, what: str, holds: Callable[[], bool], within: float) -> None:
        """Poll until a deadline; ComponentFailed names the component where it passes."""
        deadline = time.monotonic() + within
        last = "the answer is no"
        while time.monotonic() < deadline:
            self.check()
            try:
                if holds():
                    return
                last = "the answer is no"
            except (ApiUnreachable, ApiError) as error:
                last = str(error)
            time.sleep(POLL)
        raise component.failed(f"no {what} within {within:.0f} s ({last})")


def start_all(planes: Sequence[ControlPlane]) -> None:
    """Start control planes side by side; where one fails, all are stopped and its error is raised."""
    with ThreadPoolExecutor(max_workers=max(1, len(planes))) as pool:
        futures = [pool.submit(plane.start) for plane in planes]
    for future in futures:
        if (error := future.exception()) is not None:
            for plane in planes:
                plane.stop()
            raise error
