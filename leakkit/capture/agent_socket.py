"""First rung: the socket of an agent that already waits in the target."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from leakkit.capture.handover import Handover
    from leakkit.capture.processes import Process

_PLACES: Final = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - owner and mode are checked
_CREDENTIALS: Final = "3i"


def find_socket(process: Process) -> tuple[Path | None, str]:
    """The agent's socket of a process as leakkit can open it, or None and why not."""
    reason = "it was not launched by leakkit and does not listen"
    for place in _PLACES:
        for uid in sorted({process.uid, 0}, reverse=True):
            path = process.path(f"{place}/leakkit-{uid}/{process.inner_pid}.sock")
            try:
                folder = path.parent.lstat()
                facts = path.lstat()
            except OSError:
                continue
            if not stat.S_ISDIR(folder.st_mode) or folder.st_uid != uid or folder.st_mode & 0o077:
                reason = f"{path.parent} is not a private folder of user {uid}"
            elif not stat.S_ISSOCK(facts.st_mode):
                reason = f"{path} is no socket"
            else:
                return path, ""
    return None, reason


def ask(process: Process, handover: Handover, seconds: float) -> str:
    """Ask the agent to start; empty when it said yes, else why not.

    Args:
        process: the target.
        handover: what it shall run.
        seconds: how long to wait for its answer.
    """
    path, reason = find_socket(process)
    if path is None:
        return reason
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(seconds)
        try:
            client.connect(str(path))
            raw = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(_CREDENTIALS))
            pid, uid, _ = struct.unpack(_CREDENTIALS, raw)
            if pid != process.pid or uid not in (process.uid, 0):
                return f"the socket is served by process {pid} of user {uid}"
            client.sendall(f"snapshot {handover.token} {handover.inner}\n".encode())
            return "" if client.recv(16).startswith(b"ok") else "the agent refused"
        except TimeoutError:
            return f"the agent did not answer within {seconds:.1f} s"
        except OSError as error:
            return f"the socket does not answer ({error.strerror})"


def sweep(uid: int | None = None) -> None:
    """Remove the sockets of dead processes of this user, and the folder when it is empty."""
    for place in _PLACES:
        folder = Path(f"{place}/leakkit-{os.geteuid() if uid is None else uid}")
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                if path.suffix == ".sock" and path.stem.isdigit() and not Path(f"/proc/{path.stem}").exists():
                    path.unlink()
            folder.rmdir()
