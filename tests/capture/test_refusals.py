"""What cannot be entered says why, in one line and a hint, before the deadline; and the target lives on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import leakkit
import pytest
from capture_support import PROGRAMS, as_user, enter_once, handover_folders
from leakkit.capture.interpreter import find_interpreter
from leakkit.capture.processes import read_process, refusal
from leakkit.errors import LeakkitError, NoSuchProcess, NotPython, PermissionRefused, TargetBusy, UnsupportedTarget
from support import Target, python

pytestmark = pytest.mark.real
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NOBODY = 65534


def others_can_read(*paths: Path) -> bool:
    """Whether another user gets to these files."""
    return all(all(folder.stat().st_mode & 0o005 == 0o005 for folder in path.parents) for path in paths)


needs_readable = pytest.mark.skipif(
    not others_can_read(Path(leakkit.__file__), Path(__file__)), reason="other users cannot read the checkout or its environment"
)


def refused(pid: int, kind: type[LeakkitError], *words: str, seconds: float = 3.0) -> LeakkitError:
    """Enter and expect this error, with these words, one line, in time, leaving no folder."""
    before = handover_folders()
    began = time.monotonic()
    with pytest.raises(kind) as caught:
        enter_once(pid, seconds)
    assert time.monotonic() - began < seconds + 2.5
    assert type(caught.value) is kind
    for word in words:
        assert word in caught.value.message, caught.value.message
    assert "\n" not in caught.value.message
    assert "\n" not in caught.value.hint
    assert handover_folders() <= before
    return caught.value


def test_no_such_process() -> None:
    """A process that ended is named as such."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    refused(ended.pid, NoSuchProcess, f"no process {ended.pid}")
    refused(0, NoSuchProcess)


def test_a_zombie() -> None:
    """A zombie is said to be one."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    time.sleep(0.5)
    refused(child.pid, NoSuchProcess, "zombie")
    child.wait()


def test_a_thread_is_not_a_process() -> None:
    """The id of a thread leads to its process."""
    with Target(PROGRAMS / "many_threads.py") as target:
        thread = max(int(name) for name in os.listdir(f"/proc/{target.pid}/task"))
        assert str(target.pid) in refused(thread, NoSuchProcess, "thread").hint


def test_not_python() -> None:
    """A program without an interpreter."""
    sleeping = subprocess.Popen(["sleep", "60"])
    try:
        time.sleep(0.2)
        refused(sleeping.pid, NotPython, "no Python interpreter")
        assert sleeping.poll() is None
    finally:
        sleeping.kill()
        sleeping.wait()


@pytest.mark.skipif(shutil.which("gdb") is None, reason="no gdb")
def test_already_traced_by_a_debugger() -> None:
    """A target under gdb is left to gdb, which is named; afterwards it can be entered."""
    with Target(PROGRAMS / "idle_loop.py") as target:
        gdb = subprocess.Popen(
            ["gdb", "-q", "-nx", "-p", str(target.pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )
        try:
            end = time.monotonic() + 30
            while read_process(target.pid).tracer == 0 and time.monotonic() < end:
                time.sleep(0.05)
            refused(target.pid, PermissionRefused, "already traced by gdb", str(gdb.pid))
        finally:
            gdb.communicate("detach\nquit\n", timeout=30)
        target.step()
        enter_once(target.pid)
        target.step()


def test_a_traced_thread_that_is_not_the_first() -> None:
    """A tracer of any other thread is seen too."""
    with Target(PROGRAMS / "many_threads.py") as target:
        thread = max(int(name) for name in os.listdir(f"/proc/{target.pid}/task"))
        code = (
            "import ctypes, sys\n"
            "libc = ctypes.CDLL(None)\n"
            f"assert libc.ptrace(0x4206, {thread}, None, None) == 0\n"
            "print('READY', flush=True)\n"
            "sys.stdin.read()\n"
        )
        tracer = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert tracer.stdout is not None
            assert tracer.stdout.readline() == "READY\n"
            refused(target.pid, PermissionRefused, "traced", str(tracer.pid))
        finally:
            tracer.communicate("", timeout=10)
        enter_once(target.pid)
        target.step()


def test_a_stopped_process() -> None:
    """SIGSTOP is named, with the way to go on; after SIGCONT it is entered."""
    with Target(PROGRAMS / "idle_loop.py") as target:
        os.kill(target.pid, signal.SIGSTOP)
        time.sleep(0.2)
        assert "CONT" in refused(target.pid, TargetBusy, "stopped by a signal").hint
        os.kill(target.pid, signal.SIGCONT)
        target.step()
        enter_once(target.pid)


def test_a_c_call_that_holds_the_gil() -> None:
    """Nobody gets in while a C call keeps the GIL; the text that comes too late does nothing."""
    with Target(PROGRAMS / "holds_gil.py", args=("6",), ready=False) as target:
        time.sleep(1.0)
        refused(target.pid, TargetBusy, "holds the GIL", seconds=2.0)
        target.wait_ready()
        threads = len(os.listdir(f"/proc/{target.pid}/task"))
        target.wait_ready()
        target.step(2)
        assert len(os.listdir(f"/proc/{target.pid}/task")) == threads
        assert target.stderr == ""
        enter_once(target.pid)


def test_the_gil_that_does_not_come_is_not_waited_for() -> None:
    """A thread waits in a system call, another keeps the GIL: leakkit gives up in time, the target gets all back."""
    with Target(PROGRAMS / "holds_gil.py", args=("8", "other")) as target:
        target.wait_ready()
        time.sleep(1.0)
        refused(target.pid, TargetBusy, seconds=2.0)
        assert target.alive()
        target.step(2)
        time.sleep(0.5)
        assert read_process(target.pid).tracer == 0
        assert enter_once(target.pid)[0] == "ptrace"
        target.step()
        assert target.stderr == ""


@needs_root
@needs_readable
def test_another_users_process() -> None:
    """Without the capability another user's process is refused, and both users are named."""
    with Target(PROGRAMS / "idle_loop.py") as target, as_user(NOBODY):
        refused(target.pid, PermissionRefused, "user 0", f"user {NOBODY}")
        assert target.alive()


@needs_root
@needs_readable
def test_a_process_that_is_not_dumpable() -> None:
    """One's own process can be closed by prctl; that is said."""
    code = "import ctypes, time; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); print('READY', flush=True); time.sleep(60)"
    interpreter = _readable_python()
    closed = subprocess.Popen(
        [interpreter, "-c", code], stdout=subprocess.PIPE, text=True, user=NOBODY, group=NOBODY, extra_groups=[], cwd="/"
    )
    try:
        assert closed.stdout is not None
        assert closed.stdout.readline() == "READY\n"
        with as_user(NOBODY):
            refused(closed.pid, PermissionRefused, "non-dumpable")
    finally:
        closed.kill()
        closed.communicate()


@needs_root
def test_yama_says_who_may() -> None:
    """The Yama setting is named with its meaning. (Not every kernel has Yama: a file stands in for its setting.)"""
    own = subprocess.Popen(["sleep", "60"], user=NOBODY, group=NOBODY, extra_groups=[])
    try:
        time.sleep(0.2)
        with tempfile.NamedTemporaryFile("w", dir="/tmp") as setting:
            os.chmod(setting.name, 0o644)
            setting.write("1\n")
            setting.flush()
            with as_user(NOBODY):
                error = refusal(read_process(own.pid), yama=Path(setting.name))
        assert "ptrace_scope is 1" in error.message
        assert "listen()" in error.hint
    finally:
        own.kill()
        own.wait()


@needs_root
@needs_readable
def test_an_ordinary_user_enters_an_own_process() -> None:
    """No root is needed for one's own process (where Yama does not forbid it)."""
    interpreter = _readable_python()
    site = next(path for path in sys.path if path.endswith("site-packages"))
    home = str(Path(__file__).parents[2])
    env = {"PYTHONPATH": os.pathsep.join([home, str(Path(__file__).parent), site]), "PATH": os.environ["PATH"]}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    common = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": "/", "stderr": subprocess.PIPE, "text": True}
    target = subprocess.Popen([interpreter, "-c", "import time; time.sleep(60)"], **common)
    try:
        time.sleep(0.5)
        code = f"import capture_support; print(*capture_support.enter_once({target.pid}))"
        done = subprocess.run([interpreter, "-c", code], env=env, stdout=subprocess.PIPE, timeout=60, check=False, **common)
        assert done.stdout.startswith("ptrace"), done.stderr
        assert target.poll() is None
    finally:
        target.kill()
        assert target.communicate()[1] == ""


@needs_root
@pytest.mark.parametrize("spaces", [["--mount"], ["--mount", "--pid", "--fork", "--mount-proc"], ["--mount", "--user", "--map-root-user"]])
def test_other_namespaces_are_entered(spaces: list[str]) -> None:
    """A target with its own /tmp, PID numbers or user ids is entered through /proc/PID/root."""
    found = python("3.12")
    if found is None or found.root:
        pytest.skip("no Python 3.12")
    script = f'mount -t tmpfs none /tmp && exec "$0" {PROGRAMS}/many_threads.py'
    command = ["unshare", *spaces, "--", "sh", "-c", script, *found.argv]
    env = {**os.environ, "PYTHONPATH": str(PROGRAMS.parents[1] / "targets")}
    outer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    try:
        assert outer.stdout is not None
        if outer.stdout.readline() != "READY\n":
            assert outer.stderr is not None
            pytest.skip("namespaces cannot be made here: " + outer.stderr.read())
        from leakkit.capture.processes import python_tree

        pid = python_tree(outer.pid)[-1]
        inner = read_process(pid).inner_pid
        for _ in range(3):
            method, met, _ = enter_once(pid)
            assert method == "ptrace"
            assert met["pid"] == inner
        assert (inner != pid) == ("--pid" in spaces)
        assert outer.poll() is None
        _, stderr = outer.communicate("", timeout=30)
        assert stderr == ""
    finally:
        outer.kill()
        outer.communicate()


@pytest.mark.skipif(shutil.which("musl-gcc") is None, reason="no musl-gcc")
def test_musl(tmp_path: Path) -> None:
    """A musl program is no Python; one that is called python is refused as musl. (No Python is linked with musl here.)"""
    source = tmp_path / "wait.c"
    source.write_text("#include <unistd.h>\nint main(void) { for (;;) pause(); }\n")
    for name, kind, word in (("server", NotPython, "no Python"), ("python3.11", UnsupportedTarget, "musl")):
        subprocess.run(["musl-gcc", "-o", tmp_path / name, source], check=True)
        with _running([str(tmp_path / name)]) as pid:
            refused(pid, kind, word)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
def test_another_architecture(tmp_path: Path) -> None:
    """A 32-bit program is named as such."""
    source = tmp_path / "wait.c"
    source.write_text('void _start(void) { for (;;) __asm__ volatile ("int $0x80" : : "a" (29)); }\n')
    built = subprocess.run(["gcc", "-m32", "-nostdlib", "-static", "-o", tmp_path / "python3", source], capture_output=True)
    if built.returncode:
        pytest.skip("no 32-bit compiler")
    with _running([str(tmp_path / "python3")]) as pid:
        refused(pid, UnsupportedTarget, "32-bit")


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")
def test_an_interpreter_without_symbols(tmp_path: Path) -> None:
    """A real CPython linked into a program that exports nothing cannot be entered, and that is the reason given."""
    found = python("3.11")
    if found is None:
        pytest.skip("no Python 3.11")
    ask = "import sysconfig as s; g = s.get_config_var; print(g('LIBPL')); print(g('LIBRARY')); print(s.get_path('include')); print(g('LIBS'), g('SYSLIBS'), g('MODLIBS'))"
    place, library, include, libs = subprocess.run([*found.argv, "-c", ask], capture_output=True, text=True, check=True).stdout.splitlines()
    if not (Path(place) / library).exists():
        pytest.skip("no static library of Python")
    source = tmp_path / "embed.c"
    source.write_text(
        "#include <Python.h>\nint main(void) { Py_Initialize(); "
        'return PyRun_SimpleString("import time, sys; print(1, flush=True); time.sleep(60)"); }\n'
    )
    program = tmp_path / "python-service"
    built = subprocess.run(
        ["gcc", "-I", include, "-o", program, source, f"{place}/{library}", *libs.split(), "-ldl", "-lm", "-lpthread", "-lutil"],
        capture_output=True, text=True,
    )
    if built.returncode:
        pytest.skip("cannot link: " + built.stderr[-200:])
    home = subprocess.run([*found.argv, "-c", "import sys; print(sys.base_prefix)"], capture_output=True, text=True, check=True).stdout.strip()
    with _running([str(program)], env={**os.environ, "PYTHONHOME": home}, wait_line=True) as pid:
        refused(pid, UnsupportedTarget, "symbols cannot be found")


def test_a_python_that_is_too_old() -> None:
    """Python 3.8 and 2.7 are named as too old."""
    old = sorted(Path.home().glob(".pyenv/versions/3.8.*/bin/python")) + sorted(Path.home().glob(".pyenv/versions/2.7.*/bin/python"))
    if not old:
        pytest.skip("no old Python")
    for path in old:
        with _running([str(path), "-c", "import time; time.sleep(60)"]) as pid:
            refused(pid, UnsupportedTarget, "older than 3.9")


def test_a_target_that_dies_while_it_is_entered() -> None:
    """A target killed under leakkit's hands ends as NoSuchProcess or was entered before."""
    for delay in (0.0, 0.03, 0.06, 0.09):
        target = Target(PROGRAMS / "holds_gil.py", args=("30",), ready=False)
        try:
            time.sleep(0.8)
            killer = subprocess.Popen(["sh", "-c", f"sleep {delay}; kill -9 {target.pid}"])
            with pytest.raises(NoSuchProcess):
                enter_once(target.pid, 10.0)
            killer.wait()
        finally:
            target.stop()


def test_leakkit_killed_at_any_moment_does_not_hurt_the_target() -> None:
    """SIGKILL, SIGINT and SIGTERM at many moments: the target goes on, and the next leakkit removes what was left."""
    home = str(Path(__file__).parent)
    with Target(PROGRAMS / "idle_loop.py") as target:
        before = handover_folders()
        code = f"import sys; sys.path.insert(0, {home!r})\nimport capture_support\nprint('READY', flush=True)\nwhile True: capture_support.enter_once({target.pid})"
        for turn in range(12):
            number = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)[turn % 3]
            entering = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            assert entering.stdout is not None
            entering.stdout.readline()
            time.sleep(0.05 + 0.017 * turn)
            entering.send_signal(number)
            entering.communicate(timeout=20)
            target.step()
            assert target.alive(), target.stderr
        time.sleep(1.0)
        assert target.stderr == ""
        assert read_process(target.pid).tracer == 0
        for folder in handover_folders() - before:
            os.utime(folder, (0, 0))  # long ago
        assert enter_once(target.pid)[0] == "ptrace"
        assert handover_folders() <= before


def test_two_at_once() -> None:
    """Several leakkits that enter one target at the same time take turns."""
    home = str(Path(__file__).parent)
    code = "import sys; sys.path.insert(0, {!r})\nimport capture_support\nfor _ in range(5): print(capture_support.enter_once({})[0])"
    with Target(PROGRAMS / "many_threads.py") as target:
        running = [
            subprocess.Popen([sys.executable, "-c", code.format(home, target.pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        for stdout, stderr in [one.communicate(timeout=120) for one in running]:
            assert stdout.split() == ["ptrace"] * 5, stderr
        target.step()
        assert target.stderr == ""


def test_the_interpreters_version_is_read(interpreter) -> None:
    """Version and addresses come from the process, also where it runs in a chroot."""
    with Target(PROGRAMS / "idle_loop.py", interpreter) as target:
        found = find_interpreter(read_process(target.pid))
        assert found.version == interpreter.minor
        assert found.runtime[1] - found.runtime[0] > 500


def _readable_python() -> str:
    """An interpreter that every user may run."""
    path = shutil.which("python3.11", path="/usr/bin:/usr/local/bin")
    if path is None:
        pytest.skip("no interpreter that other users may run")
    return path


class _running:  # noqa: N801 - reads as a function
    """A process for a with block; its pid."""

    def __init__(self, argv: list[str], *, env: dict[str, str] | None = None, wait_line: bool = False) -> None:
        self.process = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        if wait_line:
            self.process.stdout.readline()
        else:
            time.sleep(0.4)

    def __enter__(self) -> int:
        return self.process.pid

    def __exit__(self, *_: object) -> None:
        assert self.process.poll() is None, "the target did not live on"
        self.process.kill()
        self.process.communicate()
