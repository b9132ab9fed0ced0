"""Write docs/rules.md anew: `python -m migrate.replay > docs/rules.md`."""

from __future__ import annotations

import sys

from migrate.replay.document import document

sys.stdout.write(document())
