"""A service with a stubborn child, a grandchild that left its parent, and a child in the background: ``family.py PIDS_FILE``."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

SLEEP = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"]

stubborn = os.spawnv(os.P_NOWAIT, sys.executable, SLEEP)
middle = os.fork()
if middle == 0:
    orphan = os.spawnv(os.P_NOWAIT, sys.executable, SLEEP)
    Path(sys.argv[1] + ".orphan").write_text(str(orphan))
    os._exit(0)
os.waitpid(middle, 0)
orphan = int(Path(sys.argv[1] + ".orphan").read_text())
Path(sys.argv[1]).write_text(f"{os.getpid()} {stubborn} {orphan}")
print("up and running", flush=True)
if "ignore" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    time.sleep(0.2)
