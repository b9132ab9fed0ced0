"""The members of a family: every module of a package's folder that says its `KIND`, so that a new one is one new file."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from types import ModuleType


def members(package: str, folders: Iterable[str]) -> Mapping[str, ModuleType]:
    """The modules by their kind; `package` is the family's `__name__`, `folders` its `__path__`."""
    return _found(package, tuple(folders))


@cache
def _found(package: str, folders: tuple[str, ...]) -> Mapping[str, ModuleType]:
    modules = (import_module(f"{package}.{found.name}") for found in pkgutil.iter_modules(folders))
    return {module.KIND: module for module in modules if hasattr(module, "KIND")}
