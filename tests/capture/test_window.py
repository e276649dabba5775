"""Allocation windows in real targets: what is recorded meets the objects of the copy, and nothing stays behind."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from capture_support import enter_once, handover_folders
from support import Interpreter, Target

from leakkit import store
from leakkit.capture.probes import Probe, choose
from leakkit.capture.processes import read_process
from leakkit.capture.take import take_series, take_snapshot
from leakkit.capture.window import ProbeSkipped, Tracking, open_window, tracked
from leakkit.diagnose import diagnose
from leakkit.diagnose.allocated import RULE, covered
from leakkit.snapshot_model import Snapshot

pytestmark = pytest.mark.real
PROGRAM = "probes/library_leak.py"
BARE = Interpreter(".".join(map(str, sys.version_info[:3])), (getattr(sys, "_base_executable", sys.executable),))
"""leakkit's own Python without leakkit's environment: what it needs is lent to it."""
HOOKS = b"""
import os, sys, threading
os.rename(D + "/token-" + TOKEN, D + "/taken-" + TOKEN)
with open(D + "/met.json.part", "w") as file:
    file.write('{"hook": "%s", "thread": "%s", "lent": %d}' % (
        threading._profile_hook, [name for name in ("_name", "_ident") if name in threading.Thread.__dict__],
        len([name for name in sys.modules if name.partition(".")[0] in ("memray", "rich")])))
os.rename(D + "/met.json.part", D + "/met.json")
"""


def quiet(line: str) -> None:
    del line


def resident(pid: int) -> int:
    """Bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def recorded(target: Target, rounds: int = 3, probes: tuple[Probe, ...] = ()) -> list[Snapshot]:
    """Snapshots of a target that works while its allocations are recorded."""
    process = read_process(target.pid)
    taken = []
    with tracked(process, Tracking(60.0), 0.0, 20.0, quiet) as (window, results):
        assert window is not None, results
        taken.append(take_snapshot(target.pid))
        for number in range(rounds):
            target.step()
            last = number == rounds - 1
            taken.append(take_snapshot(target.pid, window=window if last else None, probes=probes))
    return taken


def test_stacks_cover_the_leaked_bytes(tmp_path: Path) -> None:
    """The finding names the line that allocated and the path that retains; the file keeps it."""
    with Target(PROGRAM) as target:
        taken = recorded(target)
    path = tmp_path / "a.leak"
    store.write(taken[-1], path)
    report = diagnose([*taken[:-1], store.read(path)])
    cache = next(f for f in report.findings if "CACHE" in f.holder.name)
    assert any(site.function == "fetch" and site.file.endswith("library_leak.py") for site in cache.allocated_at)
    first = cache.allocated_at[0]
    assert first.function == "fetch"
    assert any("decoder.py" in frame for frame in first.stack), first.stack
    evidence = next(e for e in cache.evidence if e.rule == RULE)
    assert evidence.numbers["share"] > 0.9, evidence
    queue = next(f for f in report.findings if "QUEUE" in f.holder.name)
    assert queue.allocated_at[0].function == "keep_buffers"
    assert next(e for e in queue.evidence if e.rule == RULE).numbers["share"] > 0.9


def test_stacks_cover_the_leaked_bytes_with_other_probes() -> None:
    """A copy that other tools look at is walked in Python: that knows the buffers of objects, too."""
    with Target(PROGRAM) as target:
        taken = recorded(target, probes=choose(["objgraph"], []))
    assert taken[-1].capture.walker == "python"
    report = diagnose(taken)
    for name, function in (("CACHE", "fetch"), ("QUEUE", "keep_buffers")):
        finding = next(f for f in report.findings if name in f.holder.name)
        assert finding.allocated_at[0].function == function
        assert next(e for e in finding.evidence if e.rule == RULE).numbers["share"] > 0.9


def test_dead_bytes_have_stacks() -> None:
    """A young-survivor finding says who allocated what is dead."""
    with Target(PROGRAM) as target:
        report = diagnose(recorded(target))
    dead = next(f for f in report.findings if f.retention.value == "young-survivor")
    share = int(re.search(r"\((\d+) % of what is left", next(e for e in dead.evidence if e.rule == RULE).reason)[1])
    assert 70 <= share < 100  # the rest is alive, in RECENT
    assert dead.allocated_at[0].function == "forget"
    assert dead.allocated_at[0].bytes > 0.9 * dead.size_bytes
    assert next(e for e in dead.evidence if e.rule == RULE).numbers["share"] > 0.9


def test_buffers_belong_to_their_objects() -> None:
    """Lists, sets, arrays, bytearrays and deques that were made in the window are covered with their buffers."""
    with Target(PROGRAM) as target:
        snapshot = recorded(target, 1)[-1]
    graph, found = snapshot.graph, snapshot.allocations
    assert found is not None
    queue = {"bytearray": 3000, "array.array": 1600, "set": 2000}
    for name, least in queue.items():
        mask = (graph.type_id == graph.types.index(name)) & (graph.size > least)
        mask &= graph.size == np.median(graph.size[mask])
        # Beside the 200 of the program there are some of the standard library, which are older than the window.
        assert covered(found, mask, graph.size) > 0.98 * 200 * graph.size[mask][0], name
    lists = (graph.type_id == graph.types.index("list")) & (graph.size > 2400)
    assert covered(found, lists, graph.size) > 0.98 * graph.size[lists].sum()
    assert found.bytes[found.node < 0].sum() < 0.1 * found.bytes.sum()


EXTENSION = """
#include <Python.h>
void *last;
static PyObject *parse(PyObject *self, PyObject *number) {
    last = malloc(20000);
    memset(last, 1, 20000);
    Py_RETURN_NONE;
}
static PyMethodDef methods[] = {{"parse", parse, METH_O, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "leaky_ext", "", -1, methods};
PyMODINIT_FUNC PyInit_leaky_ext(void) { return PyModule_Create(&module); }
"""


def test_native_growth_names_the_line_that_called(tmp_path: Path) -> None:
    """A C extension that forgets memory: off-heap, and the Python line under which it was allocated."""
    paths = sysconfig.get_paths()
    if shutil.which("cc") is None or not (Path(paths["include"]) / "Python.h").exists():
        pytest.skip("no compiler, or no headers of Python")
    (tmp_path / "leaky_ext.c").write_text(EXTENSION)
    output = tmp_path / f"leaky_ext{sysconfig.get_config_var('EXT_SUFFIX')}"
    subprocess.run(["cc", "-shared", "-fPIC", f"-I{paths['include']}", "-o", output, tmp_path / "leaky_ext.c"], check=True)
    program = tmp_path / "service.py"
    program.write_text(
        "import sys, threading\nsys.path.insert(0, sys.argv[1])\nimport leaky_ext\nfrom _drive import rounds\n"
        "def handle(number):\n    for _ in range(1000):\n        leaky_ext.parse(1)\nrounds(handle)\n"
    )
    with Target(program, args=(str(tmp_path),)) as target:
        report = diagnose(recorded(target))
    native = next(f for f in report.findings if f.holder.kind.value == "native-allocation")
    assert (native.allocated_at[0].function, native.allocated_at[0].line) == ("handle", 7)
    assert native.allocated_at[0].bytes >= 59_000_000


def test_twenty_windows_leave_nothing(tmp_path: Path) -> None:
    """No thread, no open file, no hook, no module on the path, and no memory but for what the first one imported."""
    with Target("agent/quiet.py", BARE, args=("/dev/null",)) as target:
        process = read_process(target.pid)
        before: dict[str, object] = {}
        files = sorted(os.listdir(f"/proc/{target.pid}/fd"))
        for number in range(23):
            with open_window(process, 30.0, native=False, timeout=20.0, report=quiet) as window:
                told = window.close()
                assert told is not None
                assert told["ok"], told
            assert sorted(os.listdir(f"/proc/{target.pid}/fd")) == files
            if number == 2:  # what is imported and cached once is there now
                before = {"rss": resident(target.pid), "threads": threads(target.pid)}
        assert threads(target.pid) == before["threads"]
        assert resident(target.pid) - int(str(before["rss"])) < 1 << 20
        assert target.alive()
        assert not target.stderr.strip()
    assert not handover_folders()


OPENS = """
import os, threading
from _drive import rounds
KEPT, OPEN = [], []
def handle(number):
    OPEN.extend(os.open("/dev/null", os.O_RDWR) for _ in range(3))
    KEPT.append([bytearray(1000) for _ in range(100)])
rounds(handle)
"""


@pytest.mark.parametrize("native", [False, True])
def test_numbers_that_the_tracer_let_go_are_the_targets(tmp_path: Path, native: bool) -> None:
    """Files that the target opens between two windows get the numbers of the pipe that is closed, and keep them."""
    program = tmp_path / "opens.py"
    program.write_text(OPENS)

    def files(pid: int) -> list[str]:
        return sorted(os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd"))

    with Target(program) as target:
        start = files(target.pid)
        for number in range(1, 4):
            with tracked(read_process(target.pid), Tracking(60.0, native), 0.0, 20.0, quiet) as (window, results):
                assert window is not None, results
                target.step()
                snapshot = take_snapshot(target.pid, window=window)
            assert files(target.pid) == sorted([*start, *["/dev/null"] * (6 * number - 3)])
            target.step()
            assert files(target.pid) == sorted([*start, *["/dev/null"] * 6 * number])
            found = snapshot.allocations
            assert found is not None
            assert int(found.bytes.sum()) > 100_000
            stacks = [found.frames_of(stack) for stack in range(found.stack_count)]
            assert any(line == -1 for frames in stacks for _, _, line in frames) == native
        assert target.stderr == ""


def test_no_hook_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """threading is as it was, and lent modules are not importable in the target."""
    import capture_support

    monkeypatch.setattr(capture_support, "AGENT", HOOKS)
    with Target(PROGRAM, BARE) as target:
        with open_window(read_process(target.pid), 30.0, native=False, timeout=20.0, report=quiet) as window:
            _, during, _ = enter_once(target.pid)
            told = window.close()
        _, after, _ = enter_once(target.pid)
    assert told is not None
    assert "start_thread_trace" in str(during["hook"])
    assert during["thread"] == "['_name', '_ident']"
    if sys.prefix != sys.base_prefix:
        assert told["lent"]
        assert int(str(during["lent"])) > 10
    assert after == {"hook": "None", "thread": "[]", "lent": 0 if told["lent"] else after["lent"]}


def test_a_forgotten_window_ends_by_itself() -> None:
    """When leakkit is gone with its folder, the thread ends and tracking with it."""
    import time

    with Target(PROGRAM) as target:
        before = threads(target.pid)
        window = open_window(read_process(target.pid), 30.0, native=False, timeout=20.0, report=quiet)
        assert threads(target.pid) > before
        shutil.rmtree(window.handover.folder)
        end = time.monotonic() + 20
        while threads(target.pid) > before:
            assert time.monotonic() < end
            time.sleep(0.02)
        target.step()
        window.handover.remove()


def test_a_killed_leakkit_leaves_no_window() -> None:
    """The kernel lets go of its lock, and the target ends the window long before the deadline."""
    import time

    script = (
        "import sys, time\nfrom leakkit.capture.processes import read_process\nfrom leakkit.capture.window import open_window\n"
        "w = open_window(read_process(int(sys.argv[1])), 600.0, native=False, timeout=30.0, report=lambda line: None)\n"
        "print('OPEN', w.handover.folder, flush=True)\ntime.sleep(600)\n"
    )
    with Target(PROGRAM) as target:
        before = threads(target.pid)
        host = subprocess.Popen([sys.executable, "-c", script, str(target.pid)], stdout=subprocess.PIPE, text=True)
        assert host.stdout is not None
        folder = host.stdout.readline().split()[1]
        assert threads(target.pid) > before
        host.kill()
        host.wait()
        host.stdout.close()
        end = time.monotonic() + 20
        while threads(target.pid) > before:
            assert time.monotonic() < end
            time.sleep(0.02)
        shutil.rmtree(folder, ignore_errors=True)


def test_other_versions_are_skipped_with_a_reason(interpreter: Interpreter) -> None:
    """A full snapshot is taken all the same."""
    if interpreter.minor == sys.version_info[:2]:
        pytest.skip("leakkit's own version")
    with Target(PROGRAM, interpreter) as target:
        (snapshot,) = take_series(target.pid, count=1, every=0.0, tracking=Tracking(1.0))
    (result,) = snapshot.probes
    assert result.status == "skipped"
    assert "memray" in result.reason
    assert snapshot.allocations is None
    assert snapshot.graph.node_count > 1000


def test_a_target_without_threading_is_skipped(tmp_path: Path) -> None:
    """Its main thread should import threading, and no other."""
    program = tmp_path / "plain.py"
    program.write_text("from _drive import rounds\nrounds(lambda number: None)\n")
    with Target(program, options=("-S",)) as target, pytest.raises(ProbeSkipped, match="threading"):
        open_window(read_process(target.pid), 5.0, native=False, timeout=20.0, report=quiet)


def test_a_command_is_tracked_from_its_start(tmp_path: Path) -> None:
    """Everything the program leaves behind has a stack."""
    program = tmp_path / "app.py"
    program.write_text("KEPT = []\ndef make():\n    for n in range(60_000):\n        KEPT.append(['x' * 200 + str(n)])\nmake()\n")
    file = tmp_path / "a.leak"
    command = [sys.executable, "-P", "-m", "leakkit", "snapshot", "--allocations", "-o", str(file), "--", sys.executable, str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    report = diagnose([store.read(file)])
    kept = next(f for f in report.findings if "KEPT" in f.holder.name)
    assert kept.allocated_at[0].function == "make"
    assert next(e for e in kept.evidence if e.rule == RULE).numbers["share"] > 0.95
