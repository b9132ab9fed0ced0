"""Kept connections to one API server, which tell a request that was never sent from one that got no answer."""

from __future__ import annotations

import ssl
import warnings
from importlib.util import find_spec
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, InsecureRequestWarning, NewConnectionError

from migrate.errors import UsageError

WIDTH = 64
"""Connections kept, and the most requests in flight at a time, where the migration file says nothing."""


class NeverConnectedError(NewConnectionError):
    """Mark a failure of the connection or of its TLS handshake, and `why`: the request was not sent."""

    def __init__(self, connection: HTTPConnection, error: Exception) -> None:
        self.why = _why(error)
        super().__init__(connection, self.why)


class _Whole(HTTPConnection):
    """A connection that sends a request's head and body as one: half the calls, TLS records and packets of two."""

    _held: list[Any] | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Compose the request, then send it."""
        self._held = []
        try:
            super().request(*args, **kwargs)
            parts = self._held
        finally:
            self._held = None
        self.send(b"".join(parts))

    def send(self, data: Any) -> None:
        """Keep a part of the request that is being composed; anything else goes out at once."""
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)


class _Plain(_Whole):
    """A connection over plain HTTP, as to a local `kubectl proxy`."""

    def connect(self) -> None:
        """Connect; whatever fails here failed before the request."""
        try:
            super().connect()
        except (OSError, HTTPError) as error:
            self.close()
            raise NeverConnectedError(self, error) from error


class _Secure(_Whole, HTTPSConnection):
    """A connection over TLS. A handshake cut off looks like a reply cut off to urllib3, but nothing was sent."""

    def connect(self) -> None:
        """Connect and shake hands; whatever fails here failed before the request."""
        try:
            super().connect()
        except (OSError, HTTPError) as error:
            self.close()
            raise NeverConnectedError(self, error) from error


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


def manager(
    tls: ssl.SSLContext, *, proxy: str | None, server_name: str | None, verify: bool, width: int
) -> urllib3.PoolManager:
    """Make a pool of `width` kept connections, through a proxy where there is one; repeats and redirects are off.

    UsageError where a SOCKS proxy is named and PySocks is not installed.
    """
    options: dict[str, Any] = {"maxsize": width, "retries": False, "ssl_context": tls}
    if server_name:
        options["server_hostname"] = server_name
    if not verify:
        # said once by whoever reads the kubeconfig, not again with every request
        warnings.simplefilter("ignore", InsecureRequestWarning)
    if proxy is None:
        made = urllib3.PoolManager(**options)
    elif proxy.startswith("socks"):
        return _socks(
            proxy, options
        )  # its pools make their own connections, whose failures say when they happened
    else:
        made = urllib3.ProxyManager(proxy, **options)
    made.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
    return made


def _socks(proxy: str, options: dict[str, Any]) -> urllib3.PoolManager:
    if find_spec("socks") is None:  # asked beforehand: the import below warns before it fails
        raise UsageError("The proxy is a SOCKS one, which needs PySocks.", remedy="pip install PySocks")
    from urllib3.contrib.socks import SOCKSProxyManager

    return SOCKSProxyManager(proxy, **options)


def _why(error: BaseException) -> str:
    """The innermost cause in a few words, without URLs: a proxy's could carry a password."""
    while isinstance(error.__cause__, OSError):
        error = error.__cause__
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "no connection in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) if str(error).startswith("Tunnel connection failed") else type(error).__name__
