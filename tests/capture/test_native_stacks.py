"""C stacks in an allocation window: the extension module whose memory stays is named, with its distribution."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from support import Interpreter, Target, python

from leakkit import store
from leakkit.capture.processes import read_process
from leakkit.capture.shared_objects import is_extension, is_run_time
from leakkit.capture.take import take_snapshot
from leakkit.capture.window import Tracking, tracked
from leakkit.diagnose import diagnose
from leakkit.model import Finding, HolderKind, Report, Retention
from leakkit.report.html import render_html
from leakkit.report.markdown import render_markdown
from leakkit.report.text import render_text

LEAKY = "ujson==5.1.0"
"""Does not free its buffer when a long answer cannot be encoded (mended in 5.4)."""

SERVICE = """
import sys, threading
import ujson
from _drive import rounds

def log(answer):
    try:
        return ujson.dumps(answer)
    except (OverflowError, TypeError):
        return "unprintable"

def handle(number):
    text = "x" * 100_000
    for _ in range(60):
        log([text, number])
        log([text, number, object()])

rounds(handle)
"""


def quiet(line: str) -> None:
    del line


@pytest.fixture(scope="module")
def leaky_python(tmp_path_factory: pytest.TempPathFactory) -> Interpreter:
    """A fresh environment of leakkit's own Python with the old release, from the package index."""
    folder = tmp_path_factory.mktemp("old") / "env"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    done = subprocess.run([python, "-m", "pip", "install", "-q", LEAKY], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{LEAKY} cannot be installed here: {done.stderr.strip()[-200:]}")
    return Interpreter(".".join(map(str, sys.version_info[:3])), (str(python),))


@pytest.fixture(scope="module")
def report(leaky_python: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Three snapshots in a window with C stacks; the last one through a file."""
    folder = tmp_path_factory.mktemp("native")
    program = folder / "service.py"
    program.write_text(SERVICE)
    with Target(program, leaky_python) as target:
        taken = []
        with tracked(read_process(target.pid), Tracking(120.0, native=True), 0.0, 30.0, quiet) as (window, results):
            assert window is not None, results
            for number in range(3):
                target.step()
                taken.append(take_snapshot(target.pid, window=window if number == 2 else None))
        assert target.alive()
        assert target.stderr == ""
    store.write(taken[-1], folder / "last.leak")
    return diagnose([*taken[:-1], store.read(folder / "last.leak")])


def native_of(report: Report) -> Finding:
    return next(f for f in report.findings if f.holder.kind == HolderKind.NATIVE_ALLOCATION)


@pytest.mark.real
def test_the_leaking_extension_is_named(report: Report) -> None:
    """Off-heap, held by the distribution and version and its shared object, allocated where it was called."""
    finding = native_of(report)
    assert finding == report.findings[0]
    assert finding.retention == Retention.OFF_HEAP
    assert re.fullmatch(r"ujson 5\.1\.0 \(ujson\..*so\)", finding.holder.name)
    assert finding.owner == "library:ujson 5.1.0"
    assert "ujson 5.1.0" in finding.title
    assert "ujson 5.1.0" in finding.fix.how
    site = finding.allocated_at[0]
    assert (site.function, Path(site.file).name, site.line) == ("log", "service.py", 8)
    assert "objToJSON (C)" in site.stack
    assert site.stack.index("objToJSON (C)") < next(i for i, frame in enumerate(site.stack) if frame.startswith("log "))


@pytest.mark.real
def test_what_stays_is_told_from_what_was_temporary(report: Report) -> None:
    """Of two calls one forgets its buffer: half of what was allocated, or more, is still there."""
    evidence = next(e for e in native_of(report).evidence if e.rule == "native-extension")
    left, allocated = evidence.numbers["left_bytes"], evidence.numbers["allocated_bytes"]
    assert 180 * 100_000 < left < 0.8 * allocated
    assert left <= evidence.numbers["high_water_bytes"] <= evidence.numbers["window_high_water_bytes"]
    assert "were temporary" in evidence.reason


@pytest.mark.real
def test_the_line_says_that_no_object_owns_it(report: Report) -> None:
    """The fate of what ``log`` allocated, in every format."""
    assert native_of(report).allocated_at[0].fate.endswith("100 % owned by no object")
    for text in (render_text(report, color=False, width=100), render_markdown(report), render_html(report)):
        assert "100 % owned by no object" in " ".join(text.split())
        assert re.search(r"C stack:? .*objToJSON \(C\) (←|&larr;) log ", " ".join(re.sub("<[^>]*>", "", text).split()))


@pytest.mark.real
def test_one_row_for_each_line_that_allocated() -> None:
    """Dead by which cycle and alive by whom, of the same line; what was not recorded has no row."""
    with Target("probes/library_leak.py") as target:
        taken = []
        with tracked(read_process(target.pid), Tracking(60.0), 0.0, 20.0, quiet) as (window, results):
            assert window is not None, results
            for number in range(3):
                taken.append(take_snapshot(target.pid, window=window if number == 2 else None))
                target.step()
    report = diagnose(taken)
    sites = {finding.allocated_at[0].function: finding.allocated_at[0] for finding in report.findings}
    assert re.fullmatch(r"[\d,]+ × \S+ and more, .*: 100 % reachable via __main__\.CACHE", sites["fetch"].fate)
    dead, alive = re.search(r"(\d+) % dead in .*generation.* by the cycle .*Node.*, (\d+) % reachable via __main__\.RECENT", sites["forget"].fate).groups()  # type: ignore[union-attr]
    # 400 nodes were made in the window, of which a deque keeps the last 30.
    assert 85 <= int(dead) <= 97
    assert 3 <= int(alive) <= 12
    nothing = diagnose(taken[:2])
    assert not any(finding.allocated_at for finding in nothing.findings)


@pytest.mark.parametrize(
    ("path", "run_time", "extension"),
    [
        ("/usr/lib/x86_64-linux-gnu/libc.so.6", True, False),
        ("/lib64/ld-linux-x86-64.so.2", True, False),
        ("/opt/py/lib/libpython3.13t.so.1.0", True, False),
        ("/usr/bin/python3.12", True, False),
        ("/usr/lib/libjemalloc.so.2", True, False),
        ("/v/site-packages/memray/_memray.cpython-311-x86_64-linux-gnu.so", True, True),
        ("[vdso]", True, False),
        ("/v/site-packages/ujson.cpython-310-x86_64-linux-gnu.so", False, True),
        ("/v/site-packages/numpy.libs/libscipy_openblas64_-1.so", False, True),
        ("/usr/lib/python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so", False, True),
        ("/usr/lib/x86_64-linux-gnu/libcrypto.so.3", False, False),
        ("/usr/lib/libmagic.so.1", False, False),
    ],
)
def test_kinds_of_shared_objects(path: str, run_time: bool, extension: bool) -> None:
    """The C library, allocators, interpreter and tracer allocate for others; an extension is one by name or place."""
    assert (is_run_time(path), is_extension(path)) == (run_time, extension)


@pytest.fixture(scope="module")
def followed_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interpreter]:
    """A Python of 3.13.3 or later with leakkit's version of memray, in a chroot that has a /proc."""
    found = python("3.14")
    if found is None or not found.root:
        pytest.skip("no Python 3.14 in a chroot on this machine")
    where = tempfile.mkdtemp(prefix="leakkit-memray-", dir=found.root + "/tmp")
    try:
        wanted = f"memray=={metadata.version('memray')}"
        command = [sys.executable, "-m", "pip", "install", "-q", "--target", where, "--python-version", "3.14", "--only-binary", ":all:", wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{wanted} cannot be had for 3.14: {done.stderr.strip()[-200:]}")
        os.chmod(where, 0o755)
        script = f'mount -t proc proc {found.root}/proc && PYTHONPATH="$PYTHONPATH:{where.removeprefix(found.root)}" exec chroot {found.root} /usr/bin/python3.14 "$@"'
        argv = ("unshare", "-m", "sh", "-c", script, "sh")
        if subprocess.run([*argv, "-c", "import memray"], capture_output=True, check=False).returncode:
            pytest.skip("no /proc can be mounted for the chroot here")
        yield Interpreter(found.version, argv, found.root)
    finally:
        shutil.rmtree(where)


@pytest.mark.real
def test_objects_from_free_lists_have_stacks(followed_python: Interpreter) -> None:
    """Where memray can follow objects, those count too for which nothing was allocated in the window."""
    with Target("probes/freelists.py", followed_python) as target:
        files = sorted(os.listdir(f"/proc/{target.pid}/fd"))
        with tracked(read_process(target.pid), Tracking(60.0), 0.0, 20.0, quiet) as (window, results):
            assert window is not None, results
            target.step(20)
            snapshot = take_snapshot(target.pid, window=window)
        assert sorted(os.listdir(f"/proc/{target.pid}/fd")) == files
        assert target.stderr == ""
    graph, found = snapshot.graph, snapshot.allocations
    assert found is not None
    made = {s for s in range(found.stack_count) if any(function == "renew" for function, _, _ in found.frames_of(s))}
    rows = np.isin(found.stack, list(made)) & (found.node >= 0)
    types = Counter(graph.types[graph.type_id[node]] for node in np.unique(found.node[rows]).tolist())
    assert types["dict"] == 20 * 50
    assert types["list"] == 20 * 51 + 1  # KEPT is among them, for its table of items grew
    assert found.bytes[rows].sum() <= 1.2 * graph.size[np.unique(found.node[rows])].sum()
