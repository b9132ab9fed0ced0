"""Hold a real control plane until told to end: `hold.py FOLDER KUBECONFIG`; the kubeconfig is written when it is up."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from tests.lab.assets import locate
from tests.lab.components import Spec
from tests.lab.control_plane import ControlPlane


def main(folder: Path, kubeconfig: Path) -> None:
    plane = ControlPlane(Spec("made", nodes=1), locate(), folder)
    try:
        plane.start()
        (folder / "pid").write_text(str(os.getpid()), encoding="utf-8")
        draft = kubeconfig.with_suffix(".new")
        shutil.copyfile(plane.kubeconfig, draft)
        draft.replace(kubeconfig)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    finally:
        plane.stop()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(Path(sys.argv[1]), Path(sys.argv[2]))
