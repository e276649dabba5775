"""The high-water mark of one call, by memray, in a process of its own; asked for only where a budget needs it.

``python -m leakkit.gate.peak ANSWER SUBJECT`` writes the bytes, or why there are none, as JSON into the file ANSWER.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from leakkit.errors import LeakkitError
from leakkit.gate.scenario import Caller, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

WARM_UP: Final = 3
"""Calls before the one that is traced: imports and caches are not its peak."""
HINT: Final = "pip install 'leakkit[memray]'"


def measure_peak(subject: str, *, seconds: float = 120.0) -> tuple[int | None, str]:
    """Trace one call of ``module:function``.

    Args:
        subject: the function.
        seconds: longest time for it.

    Returns:
        The bytes that were in use at most over what was there before the call; None with the reason if not known.
    """
    with tempfile.TemporaryDirectory(prefix="leakkit-gate-") as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "leakkit.gate.peak", str(answer), subject]
        try:
            # What the function prints must not be taken for the command's answer.
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return None, f"its peak could not be measured in {seconds:g} s"
        if not answer.exists():
            return None, f"its peak could not be measured: the process ended with status {done.returncode}"
        said = json.loads(answer.read_text(encoding="utf-8"))
    return said["peak"], said["why"]


def _trace(call: Callable[[], object], folder: Path) -> dict[str, Any]:
    try:
        import memray  # noqa: PLC0415 - an extra, and only for budgets of the peak
    except ImportError:
        return {"peak": None, "why": f"its peak needs memray: {HINT}"}
    for _ in range(WARM_UP):
        call()
    file = folder / "peak.bin"
    with memray.Tracker(file, trace_python_allocators=True):
        call()
    return {"peak": int(memray.FileReader(str(file)).metadata.peak_memory), "why": ""}


def main(arguments: list[str]) -> None:
    """Trace one function."""
    answer, subject = Path(arguments[0]), arguments[1]
    sys.path.insert(0, str(Path.cwd()))
    try:
        with Caller(resolve(subject)) as call:
            said = _trace(call, answer.parent)
    except LeakkitError as error:
        said = {"peak": None, "why": error.message}
    aside = answer.with_suffix(".part")
    aside.write_text(json.dumps(said), encoding="utf-8")
    aside.replace(answer)


if __name__ == "__main__":
    main(sys.argv[1:])
