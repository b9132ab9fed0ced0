"""Run one command and write what it took as JSON: `python -S launcher.py RESULT COMMAND ...`; imports next to nothing.

Linux counts into a process's largest memory what its parent had when it was started: `exec` takes over the high-water
mark of the image before it (fs/exec.c, `setmax_mm_hiwater_rss`). So whatever is measured is started from here, and
never from a bench that has just made a big cluster.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    """Start the command, wait for its end, write its code, seconds and largest memory in MB."""
    result, *argv = sys.argv[1:]
    begin = time.perf_counter()
    pid = os.posix_spawnp(argv[0], argv, os.environ)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - begin
    took = {
        "code": os.waitstatus_to_exitcode(status),
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss / 1000,
    }
    Path(result).write_text(json.dumps(took), encoding="utf-8")


if __name__ == "__main__":
    main()
