"""The API server's refusals, in its words."""

from __future__ import annotations

from migrate.errors import AlreadyExists, Conflict, Invalid, NotFound
from migrate.model.objects import Resource


def not_found(resource: Resource, name: str) -> NotFound:
    """Say that there is no such object."""
    return NotFound(f'{resource.name} "{name}" not found', status=404, reason="NotFound")


def already_exists(resource: Resource, name: str) -> AlreadyExists:
    """Say that a create met an object of that name."""
    return AlreadyExists(f'{resource.name} "{name}" already exists', status=409, reason="AlreadyExists")


def stale(resource: Resource, name: str) -> Conflict:
    """Say that the object was changed since it was read."""
    return Conflict(
        f'Operation cannot be fulfilled on {resource.name} "{name}": the object has been modified; please apply your'
        " changes to the latest version and try again",
        status=409,
        reason="Conflict",
    )


def precondition(resource: Resource, name: str, wanted: str, found: str) -> Conflict:
    """Say that the object has another UID than the precondition asks for."""
    return Conflict(
        f'Operation cannot be fulfilled on {resource.name} "{name}": Precondition failed: UID in precondition: {wanted},'
        f" UID in object meta: {found}",
        status=409,
        reason="Conflict",
    )


def forbidden(resource: Resource, name: str, why: str) -> Invalid:
    """Say that admission does not let the object in (403)."""
    return Invalid(f'{resource.name} "{name}" is forbidden: {why}', status=403, reason="Forbidden")


def invalid(resource: Resource, name: str, *problems: str) -> Invalid:
    """Say what is wrong with an object (422), each problem as `field: what`."""
    told = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
    return Invalid(f'{resource.kind} "{name}" is invalid: {told}', status=422, reason="Invalid")


def bad_request(words: str) -> Invalid:
    """Say that the request itself makes no sense (400)."""
    return Invalid(words, status=400, reason="BadRequest")
