"""How hosts are written into configuration otherwise than as an address: with dashes, by name, in base64.

Nothing here knows whose they are; `literals` looks them up among those of blue. Every pattern takes a time that grows with
the text alone: each object of a cluster is looked through.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

_DASHED = re.compile(
    r"(?<![\w.-])(?:ip-(?P<ec2>\d{1,3}(?:-\d{1,3}){3})(?![\w-])"
    r"|(?P<pod>\d{1,3}(?:-\d{1,3}){3})(?=(?:\.[a-z0-9-]{1,63}){1,2}\.(?:pod|svc)(?![\w-])))",
    re.IGNORECASE,
)
"""A pod's name in DNS, 10-32-0-9.shop.pod, and an endpoint's, 10-32-0-9.web.shop.svc; a machine's in EC2, ip-10-0-0-5."""

_DASHES = re.compile(r"\d-\d{1,3}-\d{1,3}-\d")
"""What each of them has in it."""

_WITH_PORT = re.compile(r"(?:^|//|[^\w./-])([A-Za-z0-9](?:[A-Za-z0-9.-])*+)(?=:\d)", re.MULTILINE)
_IN_URL = re.compile(r"//(?:[^\s/@\"']{0,200}+@)?([A-Za-z0-9](?:[A-Za-z0-9.-])*+)")

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4}\s?)++(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\s*")
_SHORTEST = 12
"""Characters of base64 that the shortest address, 10.0.0.1, takes."""


def dashed(text: str) -> Iterator[tuple[str, str]]:
    """The IPv4 addresses that are written with dashes, as written and with dots."""
    if _DASHES.search(text) is not None:
        for match in _DASHED.finditer(text):
            yield match[0], (match["ec2"] or match["pod"]).replace("-", ".")


def hosts(text: str) -> Iterator[str]:
    """Every host, as written, that is followed by a port or stands in a URL; where both are true, twice."""
    if ":" in text:
        for match in _WITH_PORT.finditer(text):
            yield match[1]
        for match in _IN_URL.finditer(text):
            yield match[1]


def unwrapped(text: str) -> str:
    """The text that a text is the base64 of; the text itself where it is none of anything that can be read."""
    if len(text) < _SHORTEST or not _BASE64.fullmatch(text):
        return text
    try:
        found = base64.b64decode(text).decode()
    except (binascii.Error, ValueError):
        return text
    return found if all(char.isprintable() or char.isspace() for char in found) else text
