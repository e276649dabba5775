"""The folder through which leakkit and the agent in the target pass files, and the text that runs there.

It lies where the target can write, belongs to the target's user, is closed to everyone else (0700), and is always
removed.  Files are opened without following links, for a hostile target owns the folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import stat
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from leakkit.capture.processes import Process, may_trace, refusal
from leakkit.errors import CaptureFailed, NoSuchProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PLACES: Final = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - the name is random, the folder 0700
_PUT_BACK: Final = "put_back.py"
_LARGEST_JSON: Final = 4 << 20
_LEAVE_SECONDS: Final = 3.0
"""How long the agent's thread may take to put everything back once the copy is made."""
_STALE_SECONDS: Final = 900.0
"""Longer than any capture: the copy lives 300 s at most."""
# ``9==1`` and ``9==9`` ask whether the collector was on and was turned off for the text; the keeper puts in the answer
# where it knows (safe_place.COLLECTOR_UNKNOWN).  A queued text and a direct one may both run: the first to make the
# folder goes on.  No ``compile``: its first call makes some 800 type objects (ast's), which stay.
_THREAD_TEXT: Final = """\
import gc
B=gc.get_count()[0]
try:
 __import__('posix').mkdir({claim!a},448)
except BaseException:
 if K:gc.enable()
else:
 gc.disable()
 try:
  with __import__('_io').open({start!a},encoding='utf-8') as f:
   c=f.read()
  with __import__('_io').open({back!a},encoding='utf-8') as f:
   b=f.read()
  exec(c,{{'__name__':__name__,'D':{folder!a},'TOKEN':{token!a},'INLINE':True,'GC_WAS_ENABLED':W}})
 except BaseException:
  pass
 finally:
  try:
   gc.disable()
   exec(b,{{'__name__':__name__,'BEFORE':B}})
  except BaseException:
   pass
  if W:gc.enable()
  try:
   __import__('posix').mkdir({left!a},448)
  except BaseException:
   pass
"""
_TEXT: Final = """\
try:
 __import__('_thread').start_new_thread(__import__('builtins').exec,({thread!a},
  {{'__name__':'leakkit_agent','W':__import__('gc').isenabled() if 9==9 else 9==1,'K':9==1}}))
except KeyboardInterrupt:
 if 9==1:__import__('gc').enable()
 __import__('_thread').interrupt_main()
except BaseException:
 if 9==1:__import__('gc').enable()
"""


@dataclass(frozen=True)
class Request:
    """What the agent is asked to do."""

    values: bool
    """Whether short previews of values may leave the target."""
    enter_seconds: float
    """Seconds until the agent may not start any more."""
    copy_seconds: float
    """Seconds the copy may live."""
    headroom_fraction: float
    """Share of the free memory that the copy may take."""
    native_seconds: float = 0.0
    """Seconds the native walk may take before the agent falls back to Python; 0: do not try it."""
    native_test: int = 0
    """For tests: 1 makes the native copy crash, 2 makes it hang."""
    window: str = ""
    """Folder of an allocation window that is closed before the copy is made, as the target sees it."""
    probes: tuple[str, ...] = ()
    """Tools that look at the copy after it was walked in Python."""
    probe_seconds: float = 60.0
    """Seconds they have, all together."""
    counts_only: bool = False
    """Whether they leave out what they say of the largest containers, which takes them longest."""


def agent_files(names: tuple[str, ...]) -> dict[str, bytes]:
    """The agent's files as text, without importing them; ``start.py`` is always among them."""
    agent = resources.files("leakkit").joinpath("agent")
    return {name: agent.joinpath(name).read_bytes() for name in dict.fromkeys(("start.py", *names))}


class Handover:
    """The folder; a context manager that removes it.

    Args:
        process: the target.
        files: the agent's files, ``start.py`` among them.
        request: what to ask for.

    Raises:
        CaptureFailed: no place where both can write.
        PermissionRefused: another user's process.
        NoSuchProcess: the target ended.
    """

    def __init__(self, process: Process, files: Mapping[str, bytes], request: Request) -> None:
        self.process = process
        self.after_removal: list[Callable[[], None]] = []
        self.token = secrets.token_hex(16)
        self.inner, self.folder = self._make(process)
        try:
            self._fill(files, request)
        except BaseException:
            self.remove()
            raise

    def _make(self, process: Process) -> tuple[str, Path]:
        """Path as the target sees it, and as leakkit sees it."""
        reasons = []
        for place in (*_PLACES, _working_folder(process)):
            _sweep(process, place)
            inner = f"{place.rstrip('/')}/leakkit-{secrets.token_hex(6)}"
            folder = process.path(inner)
            try:
                folder.mkdir(mode=0o700)
            except OSError as error:
                reasons.append(f"{place}: {error.strerror}")
                continue
            return inner, folder
        if not Path(f"/proc/{process.pid}").exists():
            raise NoSuchProcess(f"process {process.pid} ended")
        raise CaptureFailed(
            f"no folder that process {process.pid} and leakkit can both write ({'; '.join(reasons)})",
            "mount a tmpfs at /tmp of its container",
        )

    def _fill(self, files: Mapping[str, bytes], request: Request) -> None:
        for name, text in {**agent_files((_PUT_BACK,)), **files}.items():
            self._write(name, text)
        facts = {
            "version": 1,
            "token": self.token,
            "deadline": time.time() + request.enter_seconds,
            "values": request.values,
            "max_seconds": request.copy_seconds,
            "headroom_fraction": request.headroom_fraction,
            "host_pid": os.getpid(),
            "native": request.native_seconds > 0,
            "native_seconds": request.native_seconds,
            "native_test": request.native_test,
            "window": request.window,
            "probes": list(request.probes),
            "probe_seconds": request.probe_seconds,
            "counts_only": request.counts_only,
        }
        self._write("request.json", json.dumps(facts).encode())
        self._write(f"token-{self.token}", b"")
        # Last, for from here on the target's user may change everything in it.
        self._give(self.folder)

    def add(self, name: str, data: bytes) -> None:
        """One more file for the target."""
        self._write(name, data)

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        self._give(path)

    def _give(self, path: Path) -> None:
        if (self.process.uid, self.process.gid) != (os.geteuid(), os.getegid()):
            try:
                os.chown(path, self.process.uid, self.process.gid, follow_symlinks=False)
            except PermissionError:
                if not may_trace():
                    raise refusal(self.process) from None
                raise CaptureFailed(
                    f"leakkit cannot give files to user {self.process.uid}, who runs process {self.process.pid}",
                    f"try: sudo leakkit snapshot {self.process.pid}",
                ) from None

    @property
    def text(self) -> str:
        """What the target's interpreter runs: it starts a thread that runs ``start.py``, and nothing else."""
        thread = _THREAD_TEXT.format(
            claim=f"{self.inner}/entered",
            left=f"{self.inner}/left",
            start=f"{self.inner}/start.py",
            back=f"{self.inner}/{_PUT_BACK}",
            folder=self.inner,
            token=self.token,
        )
        return _TEXT.format(thread=thread)

    @property
    def taken(self) -> bool:
        """Whether the agent runs: it claimed the token."""
        return (self.folder / f"taken-{self.token}").exists()

    def revoke(self) -> bool:
        """Take the token away, so that a text that runs later does nothing; False when it was claimed already."""
        try:
            (self.folder / f"token-{self.token}").unlink()
        except FileNotFoundError:
            return not self.taken
        return True

    def read_json(self, name: str) -> dict[str, Any] | None:
        """One of the agent's small files, or None while it is not there.

        Raises:
            CaptureFailed: it is not what an agent writes.
        """
        try:
            descriptor = os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CaptureFailed(f"the agent's {name} cannot be read: {error.strerror}") from None
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise CaptureFailed(f"the agent's {name} is no regular file")
            raw = file.read(_LARGEST_JSON + 1)
        try:
            value = json.loads(raw) if len(raw) <= _LARGEST_JSON else None
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise CaptureFailed(f"the agent's {name} is damaged")
        return value

    def dump(self) -> Path:
        """The finished dump.

        Raises:
            CaptureFailed: it is missing, or no regular file.
        """
        path = self.folder / "dump"
        try:
            mode = path.lstat().st_mode
        except OSError:
            raise CaptureFailed("the copy said it was done but left no dump") from None
        if not stat.S_ISREG(mode):
            raise CaptureFailed("the copy's dump is no regular file")
        return path

    def _wait_left(self) -> None:
        """Let the agent's thread turn the collector on again, so that the next one does not find it off."""
        end = time.monotonic() + _LEAVE_SECONDS
        while (self.folder / "entered").exists() and not (self.folder / "left").exists():
            if time.monotonic() > end or not Path(f"/proc/{self.process.pid}").exists():
                return
            time.sleep(0.002)

    def remove(self) -> None:
        """Remove the folder and all in it; whatever the agent still writes goes nowhere."""
        self.revoke()
        self._wait_left()
        shutil.rmtree(self.folder, ignore_errors=True)
        while self.after_removal:
            self.after_removal.pop()()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def _sweep(process: Process, place: str) -> None:
    """Remove what a leakkit left that was killed before it could: old, and its process gone."""
    oldest = time.time() - _STALE_SECONDS
    with contextlib.suppress(OSError):
        for folder in process.path(place).glob("leakkit-" + "[0-9a-f]" * 12):
            facts = folder.lstat()
            owned = stat.S_ISDIR(facts.st_mode) and facts.st_uid in (process.uid, os.geteuid())
            if owned and facts.st_mtime < oldest and not Path(f"/proc/{_host_pid(folder)}").exists():
                shutil.rmtree(folder, ignore_errors=True)


def _host_pid(folder: Path) -> int:
    """The leakkit that made a handover folder, or -1."""
    try:
        descriptor = os.open(folder / "request.json", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return int(json.loads(file.read(_LARGEST_JSON))["host_pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return -1


def _working_folder(process: Process) -> str:
    """The target's working folder as the target itself sees it."""
    try:
        shown = os.readlink(f"/proc/{process.pid}/cwd")  # noqa: PTH115
        root = os.readlink(f"/proc/{process.pid}/root")  # noqa: PTH115
    except OSError:
        return "/"
    return shown.removeprefix(root) or "/" if root != "/" else shown
