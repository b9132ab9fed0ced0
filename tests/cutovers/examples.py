"""Examples taken out of the documentation, so that what is printed there is what is tested."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def example(page: str, language: str, path: Path) -> str:
    """Write a page's one program in a language to `path`, executable, and return the path as text."""
    blocks: list[str] = re.findall(
        rf"^```{language}\n(#!.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE
    )
    assert len(blocks) == 1, f"{page} has {len(blocks)} programs in {language}"
    path.write_text(blocks[0])
    path.chmod(0o755)
    return str(path)
