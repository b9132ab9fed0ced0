"""Plans that several tests of the engine share."""

from __future__ import annotations

from tests.engine.doubles import plan_of, planned

ONE_STEP = plan_of(planned("one"))
TWO_STEPS = plan_of(planned("one"), planned("two"))
