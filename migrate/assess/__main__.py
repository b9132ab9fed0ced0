"""Print docs/findings.md: `python -m migrate.assess > docs/findings.md`."""

from __future__ import annotations

import sys

from migrate.assess import document

sys.stdout.write(document())
