"""How long ``leakkit gate --serve`` takes to convict a service that keeps 1 KB a request, and to let the repaired one pass.

Usage: ``python benchmarks/gate/serve.py [RUNS]``.  A FastAPI service under uvicorn, 200 requests a portion.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAMS = Path(__file__).parents[2] / "tests" / "gate" / "programs"
EXPECTED = {"leaky": 1, "fixed": 0}


def run(variant: str, folder: str) -> tuple[int, float]:
    """Exit status and seconds of one gate."""
    port = f"{folder}/port"
    command = [sys.executable, "-m", "leakkit", "gate", "--requests", "200", "--ready", "listening"]
    command += ["--serve", f"'{sys.executable}' '{PROGRAMS / 'asgi_service.py'}' 1024 '{port}' {variant}"]
    command += ["--drive", f"'{sys.executable}' '{PROGRAMS / 'load.py'}' '{port}' 200"]
    start = time.monotonic()
    status = subprocess.run(command, capture_output=True, check=False).returncode
    return status, time.monotonic() - start


def main() -> int:
    """Print a line for each run; 1 when one of them gave the wrong answer."""
    wrong = 0
    for number in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        for variant, expected in EXPECTED.items():
            with tempfile.TemporaryDirectory() as folder:
                status, seconds = run(variant, folder)
            wrong += status != expected
            print(f"run {number + 1}, {variant}: status {status} (expected {expected}), {seconds:.1f} s", flush=True)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
