"""The fixture itself: a missing program is a reason to skip, or a failure where the laboratory is required."""

from __future__ import annotations

import pytest

from tests.cutovers.haproxy_fixture import require


@pytest.mark.parametrize(
    ("required", "outcome"), [("0", pytest.skip.Exception), ("1", pytest.fail.Exception)]
)
def test_a_missing_haproxy_is_skipped_or_failed(
    required: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """CNIMIGRATE_REQUIRE_LAB=1 turns the skip, which nobody reads, into a failure."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    monkeypatch.setenv("CNIMIGRATE_REQUIRE_LAB", required)
    with pytest.raises(outcome, match="haproxy is not installed"):
        require()
