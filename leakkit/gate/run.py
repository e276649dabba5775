"""Runs what is to be gated in a process of its own, so that nothing of the gate's counts."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import leakkit
from leakkit.errors import UsageError
from leakkit.gate import wire
from leakkit.gate.variables import CHECKS_VARIABLE, OPTIONS_VARIABLE
from leakkit.gate.verdict import unmeasured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from leakkit.gate.model import Check

_END_SECONDS = 5.0


def run_function(subject: str, options: Mapping[str, Any]) -> Check:
    """Gate ``module:function`` in a fresh process.

    Args:
        subject: the function.
        options: of :func:`leakkit.gate.plan.make_plan`, as JSON can say them.

    Raises:
        UsageError: there is no such function, or an option cannot be.
    """
    with tempfile.TemporaryDirectory(prefix="leakkit-gate-") as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "leakkit.gate.worker", str(answer), subject, json.dumps(dict(options))]
        status = _run(command, _environment())
        if not answer.exists():
            return unmeasured(subject, f"its process ended with status {status}")
        said = json.loads(answer.read_text(encoding="utf-8"))
    if "usage" in said:
        raise UsageError(said["usage"], said["hint"])
    return wire.load(said["check"])


def run_command(
    command: Sequence[str], options: Mapping[str, Any], *, every_test: bool = True
) -> tuple[list[Check], int]:
    """Run a command that runs pytest, and gather the checks that leakkit's plugin makes in it.

    Args:
        command: such as ``pytest tests``; its output goes to stderr.
        options: of :func:`leakkit.gate.plan.make_plan`, for tests whose marker does not say otherwise.
        every_test: whether all selected tests are gated, or only those that are marked.

    Returns:
        The checks by name, and the command's exit status.

    Raises:
        UsageError: the command cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="leakkit-gate-") as folder:
        env = {**os.environ, CHECKS_VARIABLE: folder, OPTIONS_VARIABLE: json.dumps(dict(options))}
        if every_test:
            env["PYTEST_ADDOPTS"] = f"--leakkit {os.environ.get('PYTEST_ADDOPTS', '')}".strip()
        status = _run(command, env)
        checks = [wire.load(path.read_text(encoding="utf-8")) for path in Path(folder).glob("*.json")]
    return sorted(checks, key=lambda check: check.subject), status


def _run(command: Sequence[str], env: Mapping[str, str]) -> int:
    """The exit status of a command whose stdout is our stderr; it ends when we are ended."""
    sys.stderr.flush()
    try:
        child = subprocess.Popen(list(command), env=dict(env), stdin=subprocess.DEVNULL, stdout=2)
    except OSError as error:
        message = f"cannot start {command[0]}: {error.strerror}"
        raise UsageError(message, "give the command as on a shell's command line, after --") from None
    with _ended(child):
        return child.wait()


@contextlib.contextmanager
def _ended(child: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _environment() -> dict[str, str]:
    own = str(Path(leakkit.__file__).parents[1])
    paths = [*([os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []), own]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
