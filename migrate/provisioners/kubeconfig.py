"""Looking at a kubeconfig from outside: which server it names, and whether anything answers there.

Credentials are neither read nor sent: GET /version needs none (clusters grant system:public-info-viewer it by
default), and an answer of 401 or 403 is an answer too. Who may do what is the cluster door's business.
"""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any, Self

import yaml

PATIENCE = 5.0
"""Seconds that a server has to answer."""


class KubeconfigError(Exception):
    """Say why a kubeconfig cannot be used; never carries what is in it beside names."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The API server of one context; `authority` is PEM text, empty for the system's own trust."""

    context: str
    server: str
    authority: str = ""
    insecure: bool = False
    server_name: str = ""
    proxy: str = ""


def endpoint(path: Path, context: str | None = None) -> Endpoint:
    """Read the server of a context, the current one by default; raises KubeconfigError."""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise KubeconfigError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        # The parser's own words quote the text, in which there may be a token.
        raise KubeconfigError(f"{path} is no YAML") from error
    if not isinstance(config, dict):
        raise KubeconfigError(f"{path} is no kubeconfig")
    wanted = context or config.get("current-context")
    if not wanted:
        raise KubeconfigError(f"{path} has no current-context")
    chosen = _named(config, "contexts", str(wanted), "context", path)
    cluster = _named(config, "clusters", str(chosen.get("cluster")), "cluster", path)
    if not cluster.get("server"):
        raise KubeconfigError(f"{path}: the cluster of context {wanted} has no server")
    return Endpoint(
        context=str(wanted),
        server=str(cluster["server"]).rstrip("/"),
        authority=_authority(cluster, path),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        server_name=str(cluster.get("tls-server-name") or ""),
        proxy=str(cluster.get("proxy-url") or ""),
    )


def version(target: Endpoint, timeout: float = PATIENCE) -> str:
    """Ask the server's version; empty where it answers and does not say. Raises KubeconfigError where nothing answers."""
    handlers: list[urllib.request.BaseHandler] = []
    if target.server.startswith("https://"):
        handlers.append(_Https(target))
    if target.proxy:
        handlers.append(urllib.request.ProxyHandler({"https": target.proxy, "http": target.proxy}))
    opener = urllib.request.build_opener(*handlers)
    try:
        with opener.open(f"{target.server}/version", timeout=timeout) as answer:
            body = json.loads(answer.read(1 << 16))
            return str(body.get("gitVersion", "")) if isinstance(body, dict) else ""
    except urllib.error.HTTPError as error:
        error.close()
        if error.code >= 500:
            raise KubeconfigError(f"{target.server} answers with {error.code}") from error
        return ""
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise KubeconfigError(f"{target.server} does not answer: {reason}") from error


class _Context(ssl.SSLContext):
    """A client's context that checks another name than the URL's where the kubeconfig has a tls-server-name."""

    _name: str

    def __new__(cls, name: str) -> Self:
        context = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        context._name = name  # its own
        return context

    def __init__(self, name: str) -> None:
        del name

    def wrap_socket(
        self,
        sock: socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        name = self._name or server_hostname
        return super().wrap_socket(
            sock, server_side, do_handshake_on_connect, suppress_ragged_eofs, name, session
        )


class _Https(urllib.request.HTTPSHandler):
    """HTTPS by the kubeconfig's trust; another server name is checked where it asks for one."""

    def __init__(self, target: Endpoint) -> None:
        try:
            context = _Context(target.server_name)
            if target.authority:
                context.load_verify_locations(cadata=target.authority)
            else:
                context.load_default_certs()
        except ssl.SSLError as error:
            raise KubeconfigError("the kubeconfig's certificate authority is no certificate") from error
        if target.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        super().__init__(context=context)


def _named(config: dict[str, Any], plural: str, name: str, key: str, path: Path) -> dict[str, Any]:
    for entry in config.get(plural) or ():
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(key), dict):
            found: dict[str, Any] = entry[key]
            return found
    raise KubeconfigError(f"{path} has no {key} named {name}")


def _authority(cluster: dict[str, Any], path: Path) -> str:
    data, file = cluster.get("certificate-authority-data"), cluster.get("certificate-authority")
    try:
        if data:
            return base64.b64decode(str(data), validate=True).decode("ascii")
        if file:
            # A relative file stands beside the kubeconfig, as client-go reads it.
            return (path.parent / str(file)).read_text(encoding="ascii")
    except OSError as error:
        raise KubeconfigError(
            f"{path}: the certificate authority cannot be read: {error.strerror}"
        ) from error
    except ValueError as error:
        raise KubeconfigError(f"{path}: the certificate authority is no PEM text") from error
    return ""
