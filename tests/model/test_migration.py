"""The migration file's values: durations, patterns and defaults."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from migrate.model.migration import (
    Calico,
    CommandTraffic,
    HAProxy,
    Metadata,
    Migration,
    Pool,
    Verify,
    seconds,
)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("0s", 0),
        ("90s", 90),
        ("5m", 300),
        ("1h30m", 5400),
        ("7d", 604800),
        ("250ms", 0.25),
        ("1d2h3m4s", 93784),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, length: float) -> None:
    """Units add up."""
    assert seconds(text) == pytest.approx(length)


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "5x", "-5m", "1.5h", "5m\n", "\u0665m", "1:30", "5mm"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Neither the reader nor the model takes a duration without unit, with blanks, or in other digits."""
    with pytest.raises(ValueError, match="is no duration"):
        seconds(text)
    with pytest.raises(ValidationError):
        Verify(budget=text)


@pytest.mark.parametrize("name", ["", "DC1", "-dc", "dc-", "dc_1", "dc.1", "d" * 53, "../dc1"])
def test_a_name_that_could_be_no_directory_or_lease_is_refused(name: str) -> None:
    """The name goes into a path and into an object's name, so it is a DNS label."""
    with pytest.raises(ValidationError):
        Metadata(name=name)


def test_the_longest_name_is_taken() -> None:
    """Two letters and fifty between."""
    assert Metadata(name="d" * 52).name == "d" * 52


@pytest.mark.parametrize("version", ["3.32.1", "v3.32", "v3.32.1-rc1", "latest", ""])
def test_a_version_of_calico_is_a_whole_tag(version: str) -> None:
    """Only a released tag such as v3.32.1 is taken."""
    with pytest.raises(ValidationError):
        Calico(version=version)


@pytest.mark.parametrize("size", [19, 33])
def test_block_sizes_are_those_of_calico(size: int) -> None:
    """Calico's IPv4 blocks are /20 to /32."""
    with pytest.raises(ValidationError):
        Pool(name="p", cidr="10.48.0.0/14", block_size=size)


def test_a_side_without_servers_is_refused() -> None:
    """A mechanism must be able to reach both sides, and a program must have a name."""
    with pytest.raises(ValidationError):
        HAProxy(socket="s", backend="b", blue=(), green=("g",))
    with pytest.raises(ValidationError):
        HAProxy(socket="", backend="b", blue=("b",), green=("g",))
    with pytest.raises(ValidationError):
        CommandTraffic(read=(), set=("s",))


def test_unknown_keys_are_refused_at_every_depth() -> None:
    """No part of the file takes a key that it does not know."""
    with pytest.raises(ValidationError) as caught:
        Migration.model_validate(
            {"metadata": {"name": "a", "x": 1}, "blue": {"x": 1}, "green": {"network": {"x": 1}}, "x": 1}
        )
    assert {error["type"] for error in caught.value.errors()} == {"extra_forbidden"}
    assert len(caught.value.errors()) == 4
