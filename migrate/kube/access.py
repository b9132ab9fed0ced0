"""How one API server is reached: its URL, its certificates, and credentials that are renewed while the run goes on.

The official client reads the kubeconfig (contexts, tokens, client certificates, exec plugins, OIDC); what it found is
taken over, because its own request path is slow and repeats requests by itself.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from kubernetes.client import Configuration
from kubernetes.client.rest import should_bypass_proxies
from kubernetes.config import load_kube_config

from migrate import __version__
from migrate.errors import CredentialsRefused, UsageError
from migrate.kube.kubeconfig import Kubeconfig

_TRUST_FOR = 30.0
"""Seconds for which a header is used without asking the client whether its token has expired."""


Headers = tuple[tuple[str, str], ...]
"""Names and values of headers; a name may come more than once."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request is sent with; a new value when the credentials were renewed, a new `tls` when a certificate was."""

    tls: ssl.SSLContext
    headers: Headers = field(repr=False)  # the token is in here
    asked_at: float

    @property
    def stale(self) -> bool:
        """Whether the client is to be asked again if the token has expired, which may run an exec plugin."""
        return time.monotonic() - self.asked_at > _TRUST_FOR


class Access:
    """The way to one API server, shared by threads: `server` is its URL, `proxy` that of what leads there."""

    def __init__(self, kubeconfig: Kubeconfig) -> None:
        self._kubeconfig = kubeconfig
        self._lock = threading.Lock()
        self._configuration, self._tls, self.ca_digest = _load(kubeconfig)
        parts = urlsplit(self._configuration.host)
        host = parts.netloc.rpartition("@")[2]
        self.server = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self.server_name: str | None = self._configuration.tls_server_name or None
        self.proxy = _proxy(self._configuration)
        self._credentials = self._new_credentials()

    @property
    def latest(self) -> Credentials:
        """The credentials as they were last asked for; they may be stale."""
        return self._credentials

    def credentials(self) -> Credentials:
        """What to send the next request with; runs an exec plugin again where its token is about to expire."""
        with self._lock:
            if self._credentials.stale:
                self._credentials = self._new_credentials()
            return self._credentials

    def renew(self, seen: Credentials) -> bool:
        """Read the credentials afresh after the server refused those `seen`; False where they are still the same.

        A token file that was rotated and an exec plugin whose token was revoked are found here.
        """
        with self._lock:
            if self._credentials is not seen:  # another thread was faster
                return True
            self._configuration, tls, _ = _load(self._kubeconfig)
            by_certificate = bool(self._configuration.cert_file)
            if by_certificate:  # a certificate belongs to its connections
                self._tls = tls
            fresh = self._new_credentials()
            if fresh.headers == seen.headers and not (by_certificate and "exec" in self._kubeconfig.user):
                return False
            self._credentials = fresh
            return True

    def _new_credentials(self) -> Credentials:
        headers = [*_impersonation(self._kubeconfig.user), ("User-Agent", f"cnimigrate/{__version__}")]
        with _quiet():
            bearer = self._configuration.auth_settings().get("BearerToken", {}).get("value")
        if bearer:
            # a token file ends with a line end, which kubectl trims and the official client keeps
            headers.append(("Authorization", " ".join(str(bearer).split())))
        return Credentials(self._tls, tuple(headers), time.monotonic())


def _load(kubeconfig: Kubeconfig) -> tuple[Configuration, ssl.SSLContext, str]:
    """Let the official client read the kubeconfig; keys that it writes to files are gone again when this returns."""
    configuration = Configuration()
    with tempfile.TemporaryDirectory(prefix="cnimigrate-") as folder:
        try:
            with _quiet() as complaints:
                load_kube_config(  # type: ignore[no-untyped-call]
                    config_file=str(kubeconfig.path),
                    context=kubeconfig.context,
                    client_configuration=configuration,
                    temp_file_path=folder,
                )
            tls, ca_digest = _tls(configuration)
        except Exception as error:  # noqa: BLE001 - a loader of many parts: KeyError, binascii.Error, its own …
            # whatever the client stumbles over may be quoted in its words, so only the kind of error is shown
            raise UsageError(
                f"The context {kubeconfig.context!r} of {kubeconfig.path} cannot be used ({type(error).__name__}).",
                remedy="`kubectl --kubeconfig FILE --context NAME version` should say what is wrong with it.",
            ) from None
    plugin = kubeconfig.user.get("exec")
    if isinstance(plugin, Mapping) and not configuration.api_key and not configuration.cert_file:
        raise CredentialsRefused(
            f"The program {plugin.get('command')!r} that {kubeconfig.path} names for credentials gave none"
            f" ({complaints[0] if complaints else 'no token in its answer'}).",
            remedy="Run it by hand, log in again, and repeat the command.",
        )
    return configuration, tls, ca_digest


def _tls(configuration: Configuration) -> tuple[ssl.SSLContext, str]:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    # Python 3.13 checks certificates more strictly than Go's crypto/tls does, and refuses cluster CAs that kubectl takes
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    own = sorted(context.get_ca_certs(binary_form=True)) if configuration.ssl_ca_cert else []
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context, hashlib.sha256(b"".join(own)).hexdigest() if own else ""


def _proxy(configuration: Configuration) -> str | None:
    """The proxy that leads to the server; UsageError for a SOCKS one where aiohttp-socks is not installed."""
    proxy = configuration.proxy
    if not proxy or should_bypass_proxies(configuration.host, configuration.no_proxy or ""):
        return None
    if proxy.startswith("socks") and find_spec("aiohttp_socks") is None:
        message = "The proxy is a SOCKS one, which needs aiohttp-socks."
        raise UsageError(message, remedy="pip install aiohttp-socks")
    return str(proxy)


def _impersonation(user: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The `as` of a kubeconfig's user, which the official client ignores: it would act with other rights than kubectl.

    See kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation.
    """
    if user.get("as"):
        yield "Impersonate-User", str(user["as"])
    if user.get("as-uid"):
        yield "Impersonate-Uid", str(user["as-uid"])
    for group in user.get("as-groups") or ():
        yield "Impersonate-Group", str(group)


class _Complaints(logging.Filter):
    """Keep what this thread logs at the root, and keep it from being printed."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self._thread:
            return True
        # an exec plugin's own words follow the first full stop, and could be anything
        self.heard.append(record.getMessage().partition(".")[0].partition("\n")[0])
        return False


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """Catch what the official client says of an exec plugin: it logs at the root, which would set up logging to stderr."""
    root, complaints, handler = logging.getLogger(), _Complaints(), logging.NullHandler()
    root.addFilter(complaints)
    root.addHandler(handler)
    try:
        yield complaints.heard
    finally:
        root.removeHandler(handler)
        root.removeFilter(complaints)
