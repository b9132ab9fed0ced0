"""Whether what was read is a cluster: every object legal, of a kind that is served, and there once (pure).

A recording is untrusted: somebody wrote or edited it. What passes here has the shapes that a real API server
guarantees, so that nothing behind it need ask again. Values are not quoted: a password may be among them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from migrate.errors import RecordingError
from migrate.model.objects import Object, Ref, Resource, dig, group_of, kind_of, name_of, namespace_of, ref_of
from migrate.replay import conversions
from migrate.simulation import recording
from migrate.simulation.published import words, wrong
from migrate.simulation.recording import MAX_DEPTH, Flaw, Piece, Read
from migrate.simulation.seeding import loaded, minor_of
from migrate.simulation.served import DEFAULT_VERSION, Served, builtin, of_crd
from migrate.simulation.validation import PATH_NAMED, problems

MAX_BYTES = 3 << 20
"""Of one object: what an API server takes in one request, and twice what etcd stores by default."""

SHOWN = 20
"""Problems that are told at once."""

Kinds = Mapping[tuple[str, str], Resource]
"""What is served, by apiVersion and kind."""

_API_VERSION = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[a-z0-9]+")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_RELEASE = re.compile(r"v\d+\.\d+(\..*)?")


def of_path(path: Path) -> tuple[Object, ...]:
    """The objects of a recorded cluster, in order; raises RecordingError with all that is wrong."""
    found = _objects(recording.of_path(path), str(path))
    if not found:
        nothing = f"{path}: does not hold Kubernetes objects; write at least one, with apiVersion and kind"
        raise RecordingError(str(path), [nothing])
    return found


def of_text(text: str, source: str) -> tuple[Object, ...]:
    """The objects of a recorded cluster's text; raises RecordingError with all that is wrong."""
    return _objects(recording.of_text(text, source), source)


def version_of(objects: Iterable[Object]) -> str:
    """The cluster's version: its first node's kubelet's."""
    for obj in objects:
        version = dig(obj, "status", "nodeInfo", "kubeletVersion")
        if kind_of(obj) == "Node" and version:
            return str(version)
    return DEFAULT_VERSION


def served_in(objects: Sequence[Object]) -> list[Served]:
    """What a cluster with these objects serves: the built-in kinds of its version that can be listed, and its CRDs'."""
    found = [s for s in builtin(minor_of(version_of(objects))) if "list" in s.resource.verbs]
    for obj in objects:
        if kind_of(obj) == "CustomResourceDefinition":
            found += of_crd(obj)
    return found


def kinds_of(served: Iterable[Served]) -> Kinds:
    """What is served, by apiVersion and kind."""
    return {(s.resource.api_version, s.resource.kind): s.resource for s in served}


def modern(obj: Object, known: Kinds) -> Object:
    """A recorded object as a server that serves a newer version of it, too, would give it."""
    if (obj.get("apiVersion"), kind_of(obj)) == ("extensions/v1beta1", "Ingress"):
        obj = {**obj, "apiVersion": "networking.k8s.io/v1beta1"}  # one store under two names, from 1.14 on
    conversion = conversions.of_object(obj)
    if conversion is None:
        return obj
    converted = conversion.convert(obj)
    return converted if (converted["apiVersion"], kind_of(obj)) in known else obj


def _objects(read: Read, source: str) -> tuple[Object, ...]:
    sifted = _Sifted()
    told = list(islice(sifted.problems(read), SHOWN + 1))
    if told:
        raise RecordingError(source, told[:SHOWN], more=len(told) > SHOWN)
    return tuple(piece.value for piece in sifted.pieces)


class _Sifted:
    """The pieces that are legal by themselves, gathered while the problems of the others are told."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []

    def problems(self, read: Read) -> Iterator[str]:
        """Everything that is wrong: with each object by itself, then with what they are to each other."""
        whole = True
        places: dict[Ref, str] = {}
        for piece in read:
            found = (
                [str(piece)] if isinstance(piece, Flaw) else [_said(piece, why) for why in alone(piece.value)]
            )
            yield from found
            whole = whole and not found
            if found or isinstance(piece, Flaw):
                continue
            ref = ref_of(piece.value)
            if ref in places:
                yield _said(piece, f"is written twice, first in {places[ref]}; leave one of them out")
            else:
                places[ref] = piece.where
                self.pieces.append(piece)
        known = kinds_of(served_in([piece.value for piece in self.pieces]))
        for piece in self.pieces:
            for why in _among(piece, known, whole=whole):
                yield _said(piece, why)


def _said(piece: Piece, why: str) -> str:
    """A problem with its place, and with the object's name as far as it has one."""
    value = piece.value
    named = isinstance(value, dict) and isinstance(value.get("metadata"), dict)
    about = f"{str(ref_of(value))[:300]}: " if named and kind_of(value) and name_of(value) else ""
    return _clean(f"{piece.where}: {about}{why}")


def _clean(text: str) -> str:
    """One line without control characters: what somebody else wrote must not move a terminal's cursor."""
    return "".join(c if c.isprintable() else "?" for c in text)


def alone(value: Any) -> Iterator[str]:
    """What is wrong with an object by itself; the first sort of trouble hides what would follow from it."""
    for sort in (_plain, _named, _typed):
        found = False
        for problem in sort(value):
            found = True
            yield problem
        if found:
            return


def _plain(value: Any) -> Iterator[str]:
    """What JSON cannot say, or no server would take; one problem at most."""
    if not isinstance(value, dict):
        yield f"{words(value)}, not a Kubernetes object; write a mapping with apiVersion, kind and metadata"
        return
    try:
        _weighed(value, "", 0)
    except _UnfitError as error:
        yield str(error)


class _UnfitError(Exception):
    """Stop looking into an object."""


def _weighed(value: Any, path: str, depth: int, room: int = MAX_BYTES) -> int:
    """The bytes that are left of the room, once a value is written out; an alias counts wherever it stands."""
    match value:
        case None | bool():
            room -= 4
        case int() if -(2**63) <= value < 2**63:
            room -= 8
        case float() if math.isfinite(value):
            room -= 8
        case str():
            room -= len(_bytes(value, path)) + 2
        case int() | float():
            raise _UnfitError(f"{path or 'it'}: is a number that no server reads; write one of 64 bits")
        case list() | dict() if depth > MAX_DEPTH:
            raise _UnfitError(f"nests deeper than {MAX_DEPTH} levels, or holds itself; write it flat")
        case list():
            for index, item in enumerate(value):
                room = _weighed(item, f"{path}[{index}]", depth + 1, room - 1)
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    raise _UnfitError(f"{path or 'it'}: a key {words(key)}; write it in quotes")
                here = f"{path}.{key}"[-300:] if path else key[:300]
                room = _weighed(item, here, depth + 1, room - len(_bytes(key, path)) - 4)
        case _:
            raise _UnfitError(
                f"{path or 'it'}: is a {type(value).__name__}; write a text, a number, a list or a mapping"
            )
    if room < 0:
        raise _UnfitError("is larger than 3 MiB; no server stores such an object")
    return room


def _bytes(text: str, path: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise _UnfitError(f"{path or 'it'}: has half a character in it; write it whole") from None


def _is_name(text: str, kind: str) -> bool:
    """Whether a server may have given that name; those that are segments of a path may have blanks in them."""
    blanks = " " not in text or kind in PATH_NAMED
    return 1 <= len(text) <= 253 and text.isprintable() and blanks and not set(text) & set("/%")


def _named(obj: Object) -> Iterator[str]:
    """What an object is called."""
    for key, pattern, example in (("apiVersion", _API_VERSION, "apps/v1"), ("kind", _KIND, "Deployment")):
        value = obj.get(key)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            read = f"reads {value[:60]!r}" if isinstance(value, str) else words(value)
            yield f"{key}: {read}; write for example {key}: {example}"
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        yield f"metadata: {words(metadata)}; write a mapping with a name"
        return
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not isinstance(name, str) or not _is_name(name, str(obj.get("kind"))) or name in {".", ".."}:
        read = f"reads {name[:60]!r}" if isinstance(name, str) else words(name)
        yield f"metadata.name: {read}; write the object's name, of at most 253 characters"
    if namespace not in (None, "") and not (isinstance(namespace, str) and _NAMESPACE.fullmatch(namespace)):
        read = f"reads {namespace[:60]!r}" if isinstance(namespace, str) else words(namespace)
        yield f"metadata.namespace: {read}; write a namespace's name, or leave it out"


def _typed(obj: Object) -> Iterator[str]:
    """Fields that are not of their published type, and a version that is none."""
    found = False
    for each in islice(wrong(obj), 5):
        found = True
        yield str(each)
    version = dig(obj, "status", "nodeInfo", "kubeletVersion")
    if not found and kind_of(obj) == "Node" and version and not _RELEASE.fullmatch(version):
        yield "status.nodeInfo.kubeletVersion: is no version; write for example v1.34.4"


def _among(piece: Piece, known: Kinds, *, whole: bool) -> Iterator[str]:
    """What is wrong with an object in this cluster; a kind's definition may be among what is not `whole`."""
    obj = piece.value
    now = modern(obj, known)
    what = known.get((now["apiVersion"], kind_of(now)))
    if what is None:
        if whole:
            yield f"nothing serves {obj['apiVersion']} {kind_of(obj)}: no built-in resource, no CRD among the documents"
        return
    if piece.resource and what.name != piece.resource:
        yield f"is one of {what.name}, and the file's name promises {piece.resource}; put it where it belongs"
    if namespace_of(obj) and not what.namespaced:
        yield f"metadata.namespace: a {what.kind} is in no namespace; leave it out"
    if now is not obj:
        yield from map(str, islice(wrong(now), 5))
    elif group_of(now) or kind_of(now) not in {
        "Secret",
        "ConfigMap",
    }:  # what they hold may have been left out
        yield from problems(loaded(now))
