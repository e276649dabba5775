"""What ``/proc`` says about processes: identity, owner, namespaces, memory map, descendants.

Raises the errors of ``leakkit.errors`` with the reason the kernel gives.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from leakkit.errors import NoSuchProcess, PermissionRefused

_CAP_SYS_PTRACE: Final = 19
_YAMA: Final = Path("/proc/sys/kernel/yama/ptrace_scope")


@dataclass(frozen=True)
class Mapping:
    """One line of ``/proc/PID/maps``."""

    start: int
    end: int
    permissions: str
    offset: int
    device: str
    inode: int
    path: str
    """As the kernel shows it, without `` (deleted)``."""
    deleted: bool


@dataclass(frozen=True)
class Process:
    """One process as leakkit found it."""

    pid: int
    inner_pid: int
    """Its id in its own PID namespace."""
    name: str
    state: str
    """``R``, ``S``, ``D``, ``T`` (stopped), ``t`` (stopped by a tracer), ``Z`` (zombie), ..."""
    uid: int
    """Effective user id."""
    gid: int
    tracer: int
    """Process id of whoever traces it, or 0."""
    started: int
    """Clock ticks after boot: with the pid, the identity of a process."""
    root: str
    """Prefix under which leakkit sees its files: ``""`` or ``/proc/PID/root``."""
    shadow_stack: bool
    """Whether the CPU checks its return addresses, which a call from outside cannot satisfy."""

    def path(self, inner: str) -> Path:
        """A path of the target as leakkit can open it."""
        return Path(f"{self.root}{inner}")


def _status(pid: int) -> dict[str, str]:
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        raise NoSuchProcess(f"there is no process {pid}", "list Python processes with: pgrep -a python") from None
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def _stat_fields(pid: int) -> list[str]:
    """Fields of ``/proc/PID/stat`` after the command, whose name may hold anything; the state is the first."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()


def started_at(pid: int) -> int | None:
    """Start time in clock ticks after boot, or None when there is no such process."""
    try:
        return int(_stat_fields(pid)[19])
    except (OSError, IndexError):
        return None


def is_alive(process: Process) -> bool:
    """Whether that very process still runs (a zombie does not)."""
    try:
        fields = _stat_fields(process.pid)
    except OSError:
        return False
    return fields[0] not in "ZX" and int(fields[19]) == process.started


def read_process(pid: int) -> Process:
    """Look at a process.

    Raises:
        NoSuchProcess: none there, a zombie, or a kernel thread.
    """
    if pid <= 0:
        raise NoSuchProcess(f"{pid} is not a process id", "list Python processes with: pgrep -a python")
    status = _status(pid)
    if int(status.get("Tgid", pid)) != pid:
        raise NoSuchProcess(
            f"{pid} is a thread of process {status['Tgid'].strip()}",
            f"try: leakkit snapshot {status['Tgid'].strip()}",
        )
    state = status["State"][0]
    if state in "ZX":
        raise NoSuchProcess(
            f"process {pid} ({status['Name']}) has ended and is a zombie",
            f"its parent {status['PPid']} has not waited for it",
        )
    started = started_at(pid)
    if started is None:
        raise NoSuchProcess(f"process {pid} ended")
    return Process(
        pid=pid,
        inner_pid=int(status.get("NSpid", str(pid)).split()[-1]),
        name=status["Name"],
        state=state,
        uid=int(status["Uid"].split()[1]),
        gid=int(status["Gid"].split()[1]),
        tracer=int(status.get("TracerPid", "0")),
        started=started,
        root=root_of(pid),
        shadow_stack="shstk" in status.get("x86_Thread_features", ""),
    )


def root_of(pid: int) -> str:
    """Prefix under which leakkit sees a process's files.

    Empty when the process sees the same files as leakkit, or when nothing can be learned.
    """
    try:
        theirs, ours = os.stat(f"/proc/{pid}/root/"), os.stat("/")  # noqa: PTH116
        same_mounts = os.readlink(f"/proc/{pid}/ns/mnt") == os.readlink("/proc/self/ns/mnt")  # noqa: PTH115
    except OSError:
        return ""
    same_root = (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino)
    return "" if same_root and same_mounts else f"/proc/{pid}/root"


_MAP_LINE: Final = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) (\S+) (\d+)\s*(.*)")


def read_maps(process: Process) -> tuple[Mapping, ...]:
    """The memory map.

    Raises:
        NoSuchProcess: it ended.
        PermissionRefused: the kernel does not show it.
    """
    try:
        text = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        raise NoSuchProcess(f"process {process.pid} ended") from None
    except PermissionError:
        raise refusal(process) from None
    found = []
    for line in text.splitlines():
        if match := _MAP_LINE.match(line):
            start, end, permissions, offset, device, inode, path = match.groups()
            deleted = path.endswith(" (deleted)")
            found.append(
                Mapping(
                    int(start, 16), int(end, 16), permissions, int(offset, 16), device, int(inode),
                    path.removesuffix(" (deleted)"), deleted,
                )
            )  # fmt: skip
    return tuple(found)


def may_trace() -> bool:
    """Whether leakkit has CAP_SYS_PTRACE in its own user namespace."""
    own = _status(os.getpid())
    return bool(int(own["CapEff"], 16) >> _CAP_SYS_PTRACE & 1)


def _other_namespace(process: Process, kind: str) -> bool:
    try:
        return os.readlink(f"/proc/{process.pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")  # noqa: PTH115
    except OSError:
        return False


def refusal(process: Process, *, yama: Path = _YAMA) -> PermissionRefused:
    """Why the kernel refuses, as an error with the way out.

    Args:
        process: whom it protects.
        yama: file of the Yama security module's setting.
    """
    pid = process.pid
    if process.tracer:
        return traced(process)
    capable = may_trace()
    if process.uid != os.geteuid() and not capable:
        return PermissionRefused(
            f"process {pid} belongs to user {process.uid}, leakkit runs as user {os.geteuid()} without CAP_SYS_PTRACE",
            f"try: sudo leakkit snapshot {pid}",
        )
    if not capable:
        scope = _read_yama(yama)
        if scope:
            meaning = {
                1: "only ancestors may trace",
                2: "only CAP_SYS_PTRACE may trace",
                3: "nobody may trace",
            }
            return PermissionRefused(
                f"kernel.yama.ptrace_scope is {scope} ({meaning.get(scope, 'unknown')}): "
                f"process {pid} cannot be entered",
                "launch it with `leakkit snapshot -- COMMAND`, call leakkit.agent.listen() in it, or use sudo",
            )
        if os.stat(f"/proc/{pid}/stat").st_uid != process.uid:  # noqa: PTH116
            return PermissionRefused(
                f"process {pid} is marked non-dumpable (it changed its user or asked for it)",
                f"try: sudo leakkit snapshot {pid}",
            )
    if _other_namespace(process, "user"):
        return PermissionRefused(
            f"process {pid} is in another user namespace",
            "run leakkit as root of the host, or inside the container",
        )
    return PermissionRefused(
        f"the kernel refuses ptrace on process {pid} (a container's seccomp profile or a security module)",
        "give leakkit's container the capability: docker run --cap-add SYS_PTRACE, or launch the program with leakkit",
    )


def _read_yama(path: Path) -> int:
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0


def is_keeper(pid: int) -> bool:
    """Whether a process is another leakkit's keeper, which is out of its target again within milliseconds."""
    try:
        return b"leakkit.capture.keeper" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def traced(process: Process, tracer: int = 0) -> PermissionRefused:
    """The error for a target that a debugger holds."""
    tracer = tracer or process.tracer
    try:
        name = _status(tracer)["Name"]
    except NoSuchProcess:
        name = "a tracer outside this PID namespace"
    if is_keeper(tracer):
        return PermissionRefused(
            f"another leakkit ({tracer}) is inside process {process.pid}, waiting for its GIL",
            "try again when it is out",
        )
    return PermissionRefused(
        f"process {process.pid} is already traced by {name} ({tracer}); a process has one tracer at most",
        "end or detach the debugger, then try again",
    )


def children(pid: int) -> dict[int, list[int]]:
    """Parent to children for all processes now; ``pid`` is only there to be found quickly in the answer."""
    found: dict[int, list[int]] = {pid: []}
    for name in (path.name for path in Path("/proc").iterdir()):
        if name.isdigit():
            try:
                fields = _stat_fields(int(name))
            except OSError:
                continue
            if fields[0] not in "ZX":
                found.setdefault(int(fields[1]), []).append(int(name))
    return found


def descendants(pid: int) -> list[int]:
    """``pid`` and every living process below it, parents first."""
    below = children(pid)
    order = [pid]
    for parent in order:
        order.extend(sorted(below.get(parent, ())))
    return order


_PYTHON_FILE: Final = re.compile(r"python[^/]*$|\.(cpython-3|abi3)[^/]*\.so$")


def looks_like_python(maps: tuple[Mapping, ...]) -> bool:
    """Whether the names of its files say that a CPython is in there."""
    return any(_PYTHON_FILE.search(mapping.path) for mapping in maps)


def python_tree(pid: int) -> list[int]:
    """``pid`` and the processes below it that run Python, parents first.

    Raises:
        NoSuchProcess: there is no process ``pid``.
    """
    read_process(pid)
    found = []
    for candidate in descendants(pid):
        try:
            if looks_like_python(read_maps(read_process(candidate))):
                found.append(candidate)
        except (NoSuchProcess, PermissionRefused):
            continue
    return found
