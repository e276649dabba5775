"""Real interpreters and real target processes for the tests."""

from __future__ import annotations

import functools
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

TARGETS = Path(__file__).parent / "targets"
SID_ROOT = os.environ.get("LEAKKIT_SID_ROOT", "/opt/leakkit-sid")
WANTED = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")


@dataclass(frozen=True)
class Interpreter:
    """A Python that can run targets; ``root`` is its chroot or empty."""

    version: str
    argv: tuple[str, ...]
    root: str = ""

    @property
    def minor(self) -> tuple[int, int]:
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)

    @property
    def id(self) -> str:
        return f"py{self.version}" + ("-chroot" if self.root else "")


def _version(argv: tuple[str, ...]) -> str:
    code = "import platform; print(platform.python_version())"
    try:
        done = subprocess.run([*argv, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@functools.cache
def find_pythons() -> tuple[Interpreter, ...]:
    """One interpreter for each version of WANTED that this machine has."""
    candidates: list[tuple[tuple[str, ...], str]] = [((sys.executable,), "")]
    for wanted in WANTED:
        candidates += [((path,), "") for path in sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{wanted}.*/bin/python{wanted}")))]
        if found := shutil.which(f"python{wanted}"):
            candidates.append(((found,), ""))
        if os.geteuid() == 0 and os.path.exists(f"{SID_ROOT}/usr/bin/python{wanted}"):
            candidates.append((("chroot", SID_ROOT, f"/usr/bin/python{wanted}"), SID_ROOT))
    found_versions: dict[str, Interpreter] = {}
    for argv, root in candidates:
        version = _version(argv)
        short = ".".join(version.split(".")[:2])
        if short in WANTED and short not in found_versions:
            found_versions[short] = Interpreter(version, argv, root)
    return tuple(found_versions[v] for v in WANTED if v in found_versions)


def python(version: str) -> Interpreter | None:
    """The interpreter of that minor version, or None."""
    return next((p for p in find_pythons() if p.version.startswith(version + ".")), None)


class Target:
    """A running target program that answers STEP lines (see ``targets/_drive.py``).

    Use as a context manager; leaving it ends the process by its id.
    """

    def __init__(self, program: str | Path, interpreter: Interpreter | None = None, *, args: tuple[str, ...] = (), options: tuple[str, ...] = (), env: dict[str, str] | None = None, ready: bool = True) -> None:
        self.interpreter = interpreter or Interpreter(".".join(map(str, sys.version_info[:3])), (sys.executable,))
        path = Path(program) if os.path.isabs(str(program)) else TARGETS / program
        self._copy = ""
        if self.interpreter.root:
            self._copy = tempfile.mkdtemp(prefix="leakkit-target-", dir=self.interpreter.root + "/tmp")
            shutil.copy(path, self._copy)
            for helper in ("_drive.py", "_truth.py"):
                shutil.copy(TARGETS / helper, self._copy)
            os.chmod(self._copy, 0o755)
            path = Path(self._copy.removeprefix(self.interpreter.root)) / path.name
            python_path = str(path.parent)
        else:
            python_path = str(TARGETS)
        environment = {**os.environ, "PYTHONPATH": python_path, "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
        self.process = subprocess.Popen(
            [*self.interpreter.argv, *options, str(path), *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=environment, cwd="/" if self.interpreter.root else None,
        )
        self._stderr: list[str] = []
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()
        if ready:
            self.wait_ready()

    def _drain(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._stderr.append(line)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stderr(self) -> str:
        """What it has written to stderr so far."""
        return "".join(self._stderr)

    def wait_ready(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip() == "READY":
                return
        self._reader.join(5)
        raise AssertionError(f"target ended with {self.process.wait()}: {self.stderr}")

    def step(self, times: int = 1) -> None:
        """Let it do ``times`` rounds of work and wait for them."""
        assert self.process.stdin is not None
        for _ in range(times):
            self.process.stdin.write("STEP\n")
            self.process.stdin.flush()
            self.wait_ready()

    def alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        if self.alive():
            self.process.kill()
        self.process.wait()
        self._reader.join(5)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    pass
        if self._copy:
            shutil.rmtree(self._copy, ignore_errors=True)

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
