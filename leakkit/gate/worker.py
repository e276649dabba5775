"""The process in which ``leakkit gate module:function`` runs the function.

``python -m leakkit.gate.worker ANSWER SUBJECT OPTIONS``: writes a JSON object into the file ANSWER, with ``check``
or, when the command line was wrong, ``usage`` and ``hint``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from leakkit.errors import UsageError
from leakkit.gate import wire
from leakkit.gate.measure import Subject, measure
from leakkit.gate.plan import make_plan
from leakkit.gate.scenario import Caller, place_of, resolve


def main(arguments: list[str]) -> None:
    """Measure one function."""
    answer, subject, options = arguments
    os.dup2(2, 1)  # what the function prints must not be taken for the command's answer
    sys.path.insert(0, str(Path.cwd()))
    Path(answer).write_text(json.dumps(_measured(subject, json.loads(options))), encoding="utf-8")


def _measured(subject: str, options: dict[str, Any]) -> dict[str, Any]:
    keep = options.pop("keep", None)
    try:
        plan = make_plan(**options, keep=Path(keep) if keep else None)
        function = resolve(subject)
    except UsageError as error:
        return {"usage": error.message, "hint": error.hint}
    file, line = place_of(function)
    with Caller(function) as call:
        return {"check": wire.dump(measure(call, Subject(subject, file, line), plan))}


if __name__ == "__main__":
    main(sys.argv[1:])
