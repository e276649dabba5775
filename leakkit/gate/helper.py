"""The observer's own program: takes snapshots of the process that started it, and diagnoses them.

``python -m leakkit.gate.helper PID [FOLDER NAME]``, one JSON question a line on stdin, one answer a line on stdout.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leakkit import store
from leakkit.capture.take import take_snapshot
from leakkit.errors import LeakkitError
from leakkit.gate.explain import count, explain

if TYPE_CHECKING:
    from leakkit.snapshot_model import Snapshot

_TIMEOUT = 30.0


class Helper:
    """The snapshots of one process.

    Args:
        pid: whose.
        folder: where they are kept, or None.
        name: start of their names.
    """

    def __init__(self, pid: int, folder: Path | None, name: str) -> None:
        self.pid = pid
        self.folder = folder
        self.name = name
        self.snapshots: list[Snapshot] = []
        self.files: list[str] = []

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """The answer to one question."""
        if question["do"] == "snapshot":
            return {"counts": self._take()}
        answer = explain(
            self.snapshots,
            calls=int(question["calls"]),
            collector=bool(question["collector"]),
            garbage=bool(question["garbage"]),
            off_heap=bool(question["off_heap"]),
        )
        return {**answer, "files": self._keep()}

    def _take(self) -> dict[str, int]:
        snapshot = take_snapshot(self.pid, timeout=_TIMEOUT)
        self.snapshots.append(snapshot)
        return {metric.value: value for metric, value in count(snapshot).items()}

    def _keep(self) -> list[str]:
        if self.folder is None:
            return []
        self.folder.mkdir(parents=True, exist_ok=True)
        files = []
        for number, snapshot in enumerate(self.snapshots, 1):
            path = self.folder / f"{self.name}-{number}.leak"
            store.write(snapshot, path)
            files.append(str(path))
        return files


def main(arguments: list[str]) -> None:
    """Answer questions until stdin ends."""
    folder, name = (Path(arguments[1]), arguments[2]) if len(arguments) > 2 else (None, "")
    helper = Helper(int(arguments[0]), folder, name)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # nothing but answers goes to the channel
    with contextlib.suppress(BrokenPipeError):
        for line in sys.stdin:
            try:
                answer = helper.answer(json.loads(line))
            except LeakkitError as error:
                answer = {"failed": f"{error.message}{f' ({error.hint})' if error.hint else ''}"}
            except Exception as error:  # noqa: BLE001 - told to the measured process, whatever it is
                answer = {"failed": f"internal error of the diagnosis: {type(error).__name__}: {error}"}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
