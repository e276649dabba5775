"""Programs that leakkit starts run as they would without it, and can be snapshotted without ptrace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from capture_support import enter_once, handover_folders
from leakkit.capture.launch import launch
from leakkit.capture.processes import python_tree
from leakkit.capture.take import take_snapshot
from support import Interpreter

pytestmark = pytest.mark.real
LEAKKIT = (sys.executable, "-P", "-m", "leakkit", "snapshot")


@pytest.fixture
def plain(interpreter: Interpreter) -> Interpreter:
    """An interpreter that sees the same files as leakkit."""
    if interpreter.root:
        pytest.skip("in a chroot the preload's folder is not there: such targets are entered by ptrace")
    return interpreter


@pytest.fixture(autouse=True)
def nothing_left():
    """No launch folder, handover folder or socket of a dead process stays (those of other leakkits at work do not count)."""
    before = _left()
    yield
    end = time.monotonic() + 3
    while (left := _left() - before) and time.monotonic() < end:
        time.sleep(0.1)
    assert left == set()


def _left() -> set[str]:
    found = set(handover_folders())
    for path in Path("/tmp").glob("leakkit-launch-*"):
        owner = path.name.split("-")[2]
        if owner == str(os.getpid()) or not os.path.exists(f"/proc/{owner}"):
            found.add(str(path))
    for path in Path(f"/tmp/leakkit-{os.geteuid()}").glob("*.sock"):
        if not os.path.exists(f"/proc/{path.stem}"):
            found.add(str(path))
    return found


def program(tmp_path: Path, text: str, name: str = "program.py") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


WITNESS = """
import json, os, sys, threading, warnings
facts = {
    "argv": sys.argv, "path": sys.path, "modules": sorted(sys.modules), "threads": threading.active_count(),
    "sitecustomize": "sitecustomize" in sys.modules, "main": sorted(vars(sys.modules["__main__"])),
    "filters": [str(one) for one in warnings.filters],
}
print(json.dumps(facts))
"""


def test_a_launched_program_sees_what_it_would_see_alone(plain: Interpreter, tmp_path: Path) -> None:
    """Same argv, sys.path, names, threads and warning filters; of modules only the socket's and atexit come on top."""
    path = program(tmp_path, WITNESS)
    alone = json.loads(subprocess.run([*plain.argv, path, "x"], capture_output=True, check=True).stdout)
    with launch([*plain.argv, path, "x"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        stdout, stderr = started.popen.communicate(timeout=30)
    launched = json.loads(stdout)
    assert stderr == b""
    extra = set(launched.pop("modules")) - set(alone.pop("modules"))
    assert extra <= {"_leakkit_listen", "_socket", "atexit", "gc", "_signal", "time", "_struct", "select", "math"}
    assert launched == alone


def test_a_launched_program_is_entered_by_its_socket(plain: Interpreter, tmp_path: Path) -> None:
    """The first rung works, again and again, and the target stays silent."""
    path = program(tmp_path, "import sys; print('READY', flush=True); sys.stdin.read()")
    with launch([*plain.argv, "-W", "error", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        assert started.listening
        for _ in range(5):
            method, met, lines = enter_once(started.pid)
            assert (method, met["pid"], met["collector"]) == ("agent-socket", started.pid, True), lines
        _, stderr = started.popen.communicate(b"", timeout=30)
        assert stderr == b""
        assert started.popen.returncode == 0


def test_the_programs_own_sitecustomize_still_runs(plain: Interpreter, tmp_path: Path) -> None:
    """A sitecustomize on the program's own PYTHONPATH is the one it gets, and its errors are its own."""
    (tmp_path / "sitecustomize.py").write_text("import builtins\nbuiltins.MARK = __file__\n")
    path = program(tmp_path, "import sitecustomize\nprint(MARK, sitecustomize.__file__)")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with launch([*plain.argv, path], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        stdout, stderr = started.popen.communicate(timeout=30)
    assert stderr == b""
    assert stdout.decode().split() == [str(tmp_path / "sitecustomize.py")] * 2


FORKS = """
import os, subprocess, sys, time
child = os.fork()
if child == 0:
    time.sleep(60)
    os._exit(0)
other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child, other.pid, len(os.listdir("/proc/self/task")), flush=True)
sys.stdin.read()
for one in (child, other.pid):
    os.kill(one, 9)
os.waitpid(child, 0)
other.wait()
"""


def test_children_can_be_entered_too(plain: Interpreter, tmp_path: Path) -> None:
    """A forked child and a started one open sockets of their own; a fork warns of nothing and sees no more threads."""
    path = program(tmp_path, FORKS)
    argv = [*plain.argv, "-W", "error", path]
    with launch(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        assert started.popen.stdout is not None
        forked, other, threads = (int(part) for part in started.popen.stdout.readline().split())
        assert threads == 2
        time.sleep(0.5)
        assert python_tree(started.pid) == [started.pid, *sorted((forked, other))]
        for pid in (started.pid, forked, other):
            method, met, lines = enter_once(pid)
            assert (method, met["pid"]) == ("agent-socket", pid), lines
        _, stderr = started.popen.communicate("", timeout=30)
        assert stderr == ""


def test_multiprocessing_forks_as_before(plain: Interpreter, tmp_path: Path) -> None:
    """A pool of forked workers starts and ends many times with warnings as errors: the agent's thread never shows."""
    text = """
import multiprocessing, os
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    for turn in range(10):
        worker = context.Process(target=int)
        worker.start()
        worker.join()
        assert worker.exitcode == 0
    print(len(os.listdir("/proc/self/task")))
"""
    with launch([*plain.argv, "-W", "error", program(tmp_path, text)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as started:
        stdout, stderr = started.popen.communicate(timeout=60)
    assert (stdout, stderr) == (b"2\n", b"")


def test_listen_opens_the_socket_without_a_launch(plain: Interpreter, tmp_path: Path) -> None:
    """A service that calls listen() itself is entered by its socket, and removes it at its end."""
    import leakkit

    listen = Path(leakkit.__file__).parent / "agent" / "listen.py"
    text = f"names = {{'__name__': 'x'}}\nexec(open({str(listen)!r}).read(), names)\nassert names['listen']() == names['listen']()\nprint(names['listen'](), flush=True)\nimport sys; sys.stdin.read()"
    own = subprocess.Popen([*plain.argv, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert own.stdout is not None
        path = Path(own.stdout.readline().strip())
        assert path.name == f"{own.pid}.sock"
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert enter_once(own.pid)[0] == "agent-socket"
        assert own.communicate("", timeout=10)[1] == ""
        assert not path.exists()
    finally:
        own.kill()
        own.communicate()


ASK = """
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(5)
try:
    client.connect(sys.argv[1])
    client.sendall(b"snapshot 00 /tmp\\n")
    print("answer", client.recv(16))
except PermissionError:
    print("no way")
except ConnectionError:
    print("answer", b"")
"""


@pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists("/usr/bin/python3"), reason="needs root and a system Python")
def test_the_socket_answers_its_own_user_only(tmp_path: Path) -> None:
    """Another user cannot even reach the socket; if the folder lets them, the agent hangs up, and leakkit keeps away."""
    path = program(tmp_path, "import sys; sys.stdin.read()")
    with launch([sys.executable, path], stdin=subprocess.PIPE) as started:
        address = f"/tmp/leakkit-{os.geteuid()}/{started.pid}.sock"
        assert _ask_as_nobody(address) == "no way"
        try:
            os.chmod(os.path.dirname(address), 0o711)
            os.chmod(address, 0o777)
            assert _ask_as_nobody(address) == "answer b''"
            method, _, lines = enter_once(started.pid)
            assert method == "ptrace"
            assert any("not a private folder" in line for line in lines)
        finally:
            os.chmod(os.path.dirname(address), 0o700)


def _ask_as_nobody(address: str) -> str:
    asked = subprocess.run(
        ["/usr/bin/python3", "-c", ASK, address], user=65534, group=65534, extra_groups=[], cwd="/", capture_output=True,
        text=True, timeout=30, check=True,
    )
    return asked.stdout.strip()


def run_leakkit(*args: str, cwd: Path, timeout: float = 120, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LEAKKIT, *args], cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False, env=env)


def test_snapshot_at_the_end_passes_everything_through(plain: Interpreter, tmp_path: Path) -> None:
    """stdin, stdout, stderr and the exit status are the program's; the snapshot shows the heap it ended with."""
    text = "import sys\nclass Kept: pass\nKEPT = [Kept() for _ in range(321)]\nprint('out', sys.argv[1:])\nprint('err', file=sys.stderr)\nsys.exit(9)"
    done = run_leakkit("-o", "end.leak", "--", *plain.argv, program(tmp_path, text), "--count", "5", cwd=tmp_path)
    assert done.stdout == "out ['--count', '5']\n"
    assert "err\n" in done.stderr
    assert "leakkit: wrote end.leak" in done.stderr
    assert done.returncode == 9
    taken = _read(tmp_path / "end.leak")
    assert taken.capture.method == "agent-socket"
    assert _count(taken, "__main__.Kept") == 321
    assert (tmp_path / "end.leak").stat().st_mode & 0o777 == 0o600


def test_modules_and_console_scripts(tmp_path: Path) -> None:
    """``-m module`` and a script with a shebang line are launched like a plain script."""
    (tmp_path / "module.py").write_text("print('as module', __name__)")
    script = tmp_path / "console"
    script.write_text(f"#!{sys.executable}\nimport sys\nprint('as script')\n")
    script.chmod(0o755)
    for command, said in (([sys.executable, "-m", "module"], "as module __main__\n"), ([str(script)], "as script\n"), (["sh", "-c", str(script)], "as script\n")):
        done = run_leakkit("--", *command, cwd=tmp_path)
        assert (done.stdout, done.returncode) == (said, 0), done.stderr
        assert "leakkit: wrote leakkit-" in done.stderr
    assert len(list(tmp_path.glob("leakkit-*-1.leak"))) == 3


def test_after_and_count(tmp_path: Path) -> None:
    """--after takes the first early; a program that ends before the third gets its last one at its end."""
    path = program(tmp_path, "import time\ntime.sleep(2.5)\nDONE = 1\nprint('done')")
    done = run_leakkit("--after", "300ms", "--count", "9", "--every", "1s", "-o", "s.leak", "--", sys.executable, path, cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("done\n", 0), done.stderr
    names = sorted(file.name for file in tmp_path.glob("s-*.leak"))
    assert names[0] == "s-1.leak"
    assert 2 <= len(names) <= 4
    assert "'DONE'" not in repr(_read(tmp_path / names[0]).graph.strings)
    assert "DONE" in _read(tmp_path / names[-1]).graph.strings


def test_a_program_that_leaves_no_chance(tmp_path: Path) -> None:
    """os._exit runs no exit handlers: no snapshot, said so, with an exit status of leakkit's own only if the program's is 0."""
    for code, expected in ((0, 3), (5, 5)):
        done = run_leakkit("--", sys.executable, program(tmp_path, f"import os; os._exit({code})"), cwd=tmp_path)
        assert done.returncode == expected
        assert "without running its exit handlers" in done.stderr if code == 0 else True
    assert list(tmp_path.glob("*.leak")) == []


def test_killed_programs_say_so(tmp_path: Path) -> None:
    """A program that dies of a signal gives 128 + signal, as in a shell."""
    done = run_leakkit("--", sys.executable, program(tmp_path, "import os; os.kill(os.getpid(), 9)"), cwd=tmp_path)
    assert done.returncode == 137


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_go_to_the_program(number: signal.Signals, tmp_path: Path) -> None:
    """A signal to leakkit reaches the program, whose handler runs, and whose end is still snapshotted."""
    text = """
import signal, sys, time
def stop(number, frame):
    print("stopped by", number, flush=True)
    sys.exit(4)
signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
print("READY", flush=True)
while True:
    time.sleep(0.1)
"""
    running = subprocess.Popen(
        [*LEAKKIT, "-o", "s.leak", "--", sys.executable, program(tmp_path, text)], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "READY\n"
    time.sleep(0.3)
    running.send_signal(number)
    stdout, stderr = running.communicate(timeout=60)
    assert stdout == f"stopped by {int(number)}\n"
    assert running.returncode == 4, stderr
    assert (tmp_path / "s.leak").exists()


def test_a_tree_of_workers(tmp_path: Path) -> None:
    """--tree writes one file for the master and each worker, also those that ptrace has to enter."""
    text = """
import os, sys, time
workers = []
for number in range(2):
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    workers.append(pid)
print(*workers, flush=True)
sys.stdin.read()
"""
    master = subprocess.Popen([sys.executable, program(tmp_path, text)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert master.stdout is not None
    workers = [int(part) for part in master.stdout.readline().split()]
    try:
        done = run_leakkit(str(master.pid), "--tree", "-o", "t.leak", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        expected = [f"t-{pid}.leak" for pid in (master.pid, *sorted(workers))]
        assert done.stdout.split() == expected
        assert [_read(tmp_path / name).process.pid for name in expected] == [master.pid, *sorted(workers)]
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        master.kill()
        master.communicate()


def test_a_series_by_process_id(tmp_path: Path) -> None:
    """--count and --every number the files from the first free name and keep the rhythm."""
    own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        time.sleep(0.5)
        (tmp_path / f"leakkit-{own.pid}-1.leak").write_text("mine")
        began = time.monotonic()
        done = run_leakkit(str(own.pid), "--count", "3", "--every", "1s", "-v", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert time.monotonic() - began > 2.0
        assert done.stdout.split() == [f"leakkit-{own.pid}-{number}.leak" for number in (2, 3, 4)]
        assert (tmp_path / f"leakkit-{own.pid}-1.leak").read_text() == "mine"
        assert "ptrace: thread" in done.stderr
        assert own.poll() is None
    finally:
        own.kill()
        own.wait()


def test_ctrl_c_and_sigterm_clean_up(tmp_path: Path) -> None:
    """Interrupted in the middle of a series: status 130 or 143, the target lives, no half file, no folder."""
    own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        time.sleep(0.5)
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            for delay in (0.4, 0.7, 1.0):
                running = subprocess.Popen(
                    [*LEAKKIT, str(own.pid), "--count", "50", "--every", "10ms"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                )
                time.sleep(delay)
                running.send_signal(number)
                _, stderr = running.communicate(timeout=30)
                assert running.returncode == code or b"Traceback" not in stderr, stderr
        assert own.poll() is None
        assert all(path.suffix == ".leak" for path in tmp_path.iterdir())
        for path in tmp_path.glob("*.leak"):
            _read(path)
    finally:
        own.kill()
        own.wait()


def _read(path: Path):
    from leakkit import store

    return store.read(path)


def _count(taken, name: str) -> int:
    wanted = taken.graph.types.index(name)
    return int((taken.graph.type_id == wanted).sum())


def test_a_long_temporary_folder_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of a socket has at most 107 bytes, a temporary folder may have more."""
    long = tmp_path / ("a" * 90)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with launch([sys.executable, "-c", "import time; time.sleep(30)"]) as program:
        assert take_snapshot(program.pid).capture.method == "agent-socket"
    assert list(long.iterdir()) == []


THREAD_LOCALS = """
import threading, time

local, kept, stop = threading.local(), threading.Barrier(4), threading.Event()


def work():
    local.canvas = bytearray(3_000_000)
    kept.wait()
    stop.wait()


for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
kept.wait()
print("READY", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("walker", ["native", "python"])
def test_thread_locals_are_in_every_snapshot(plain: Interpreter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, walker: str) -> None:
    """The agent's thread serves several requests: what other threads keep is in the second copy as in the first."""
    monkeypatch.setenv("LEAKKIT_NO_NATIVE", "1" if walker == "python" else "0")
    script = program(tmp_path, THREAD_LOCALS)
    with launch([*plain.argv, script], stdout=subprocess.PIPE, text=True) as running:
        assert running.popen.stdout is not None and running.popen.stdout.readline() == "READY\n"
        snapshots = [take_snapshot(running.pid, timeout=60) for _ in range(3)]
    assert [int((snapshot.graph.size > 2_900_000).sum()) for snapshot in snapshots] == [3, 3, 3]
    assert {snapshot.capture.walker for snapshot in snapshots} == {walker}
