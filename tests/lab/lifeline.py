"""Run a program that dies with the process that started it, however that one dies.

Called as `python lifeline.py PARENT_PID PROGRAM ARGUMENTS...`; it asks the kernel for SIGKILL at the parent's
death and then becomes the program, so that the pid stays the same. The kernel means the *thread* that
started it: see processes.spawn. Where there is no prctl (outside Linux) the program just runs.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent and replace it by the program."""
    parent, program = int(sys.argv[1]), sys.argv[2]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was asked
            sys.exit(1)
    os.execv(program, sys.argv[2:])


if __name__ == "__main__":
    main()
