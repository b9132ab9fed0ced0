"""What a kubeconfig says, checked before the official client reads it.

The client's own complaints are never shown: it names a broken entry by the entry itself, token included
(`KubeConfigMerger._merge` in kubernetes/config/kube_config.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from migrate.errors import UsageError
from migrate.model.ids import Side


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """One context of a kubeconfig: its name, its cluster and its user as written, and the file they are from.

    `user` may hold credentials: it has no place in a message, and none in this value's repr.
    """

    path: Path
    context: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any]

    def __repr__(self) -> str:
        """The file and the context, without what they say."""
        return f"Kubeconfig({str(self.path)!r}, context={self.context!r})"


def read_kubeconfig(path: Path, context: str | None, side: Side) -> Kubeconfig:
    """Read one context of a kubeconfig, the current one by default; UsageError says what to write where it cannot."""
    document = _document(path, side)
    contexts = _named(document, "contexts", path)
    name = context or document.get("current-context")
    if not name:
        raise UsageError(
            f"The kubeconfig {path} has no current-context.",
            remedy=_pick(contexts, side, "Say which context it is"),
        )
    if name not in contexts:
        raise UsageError(
            f"The kubeconfig {path} has no context {name!r}.",
            remedy=_pick(contexts, side, "Use one that it has"),
        )
    chosen = contexts[name].get("context")
    if not isinstance(chosen, Mapping):
        raise UsageError(f"The context {name!r} of {path} says neither cluster nor user.", remedy=_MEND)
    cluster = _entry(document, "clusters", "cluster", chosen.get("cluster"), path, name)
    if not str(cluster.get("server") or "").startswith(("https://", "http://")):
        raise UsageError(
            f"The cluster of context {name!r} in {path} has no server.",
            remedy="Write clusters[].cluster.server: https://HOST:PORT.",
        )
    user = _entry(document, "users", "user", chosen.get("user"), path, name) if chosen.get("user") else {}
    _check_files(path, cluster, ("certificate-authority",))
    _check_files(path, user, ("client-certificate", "client-key", "tokenFile"))
    return Kubeconfig(path, str(name), cluster, user)


_MEND = "`kubectl config view` shows what the file says, without its credentials."


def _document(path: Path, side: Side) -> Mapping[str, Any]:
    where = f"Write {side}'s kubeconfig in the migration file, or give --kubeconfig."
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"The kubeconfig {path} of {side} does not exist.", remedy=where) from None
    except OSError as error:
        raise UsageError(
            f"The kubeconfig {path} of {side} cannot be read: {error.strerror}.", remedy=where
        ) from error
    except UnicodeDecodeError:
        raise UsageError(f"The kubeconfig {path} of {side} is no text in UTF-8.", remedy=where) from None
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        # the error's own text quotes the line, and the line may be a token: only its number is shown
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"The kubeconfig {path} of {side} is no YAML{line}.", remedy=where) from None
    if not isinstance(document, Mapping):
        raise UsageError(f"The kubeconfig {path} of {side} is empty or no mapping.", remedy=where)
    return document


def _named(document: Mapping[str, Any], key: str, path: Path) -> dict[str, Mapping[str, Any]]:
    entries = document.get(key) or []
    if not isinstance(entries, list) or not all(isinstance(e, Mapping) and "name" in e for e in entries):
        raise UsageError(f"`{key}` of the kubeconfig {path} is no list of named entries.", remedy=_MEND)
    return {str(entry["name"]): entry for entry in entries}


def _entry(
    document: Mapping[str, Any], key: str, part: str, name: Any, path: Path, context: str
) -> Mapping[str, Any]:
    entry = _named(document, key, path).get(str(name)) if name else None
    value = entry.get(part) if entry else None
    if not isinstance(value, Mapping):
        raise UsageError(
            f"The context {context!r} of {path} names the {part} {name!r}, which `{key}` does not have.",
            remedy=_MEND,
        )
    return value


def _check_files(path: Path, part: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        if part.get(key) and not part.get(f"{key}-data"):
            file = path.parent / str(part[key])  # relative to the kubeconfig, as kubectl takes it
            if not file.is_file():
                raise UsageError(
                    f"The kubeconfig {path} names the {key} {file}, which does not exist.",
                    remedy=f"Put the file there, or write {key}-data.",
                )


def _pick(contexts: Mapping[str, Any], side: Side, sentence: str) -> str:
    known = ", ".join(sorted(contexts)) or "none"
    return f"{sentence}: {side}.context in the migration file, or --context; the file has {known}."
