"""``leakkit recipes``: list, show, run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leakkit.errors import ExitCode


def run(*args: str, cwd: str | Path = "/", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **(env or {})}
    return subprocess.run([sys.executable, "-P", "-m", "leakkit", "recipes", *args], capture_output=True, text=True, timeout=120, check=False, cwd=cwd, env=environment)


def test_list_names_every_fix_and_variant() -> None:
    """Without a command the fixes and their variants are listed, within 80 columns."""
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("collect: ", "copy: ", "drop: ", "hibernate: ", "isolate: ", "  array_slice ", "  idle_connections "):
        assert f"\n{name}" in f"\n{done.stdout}"
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_show_prints_the_page_and_the_variants() -> None:
    """A fix is its page; below it stand its variants."""
    done = run("show", "copy")
    assert done.returncode == 0
    assert done.stdout.startswith("# copy: ")
    assert "\n## When not to use it\n" in done.stdout
    assert "\n- copy/memoryview: " in done.stdout


def test_show_prints_the_change() -> None:
    """A variant is its leaky program and the difference to the fixed one."""
    done = run("show", "copy/memoryview")
    assert done.returncode == 0
    assert "\n-    headers.append(view[:8])\n+    headers.append(bytes(view[:8]))\n" in done.stdout
    fixed = run("show", "copy/memoryview", "--program", "fixed").stdout
    compile(fixed, "fixed.py", "exec")
    assert "bytes(view[:8])" in fixed


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("show", "cook"), "collect, copy, drop, hibernate, isolate"),
        (("show", "copy/cook"), "array_slice, frame_tail"),
        (("show", "copy", "--program", "leaky"), "--program is of a variant"),
        (("show", "copy/memoryview", "--program", "worse"), "choose leaky or fixed"),
        (("run",), "give a recipe, or --all"),
        (("run", "copy", "--all"), "give a recipe, or --all"),
        (("run", "cook"), "there is no recipe 'cook'"),
        (("run", "copy", "--markdown", "/nowhere/page.md"), "there is no folder /nowhere"),
    ],
)
def test_wrong_words(args: tuple[str, ...], said: str) -> None:
    """What cannot be is a usage error that names what can."""
    done = run(*args)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert said in done.stderr


def test_a_missing_library_is_said_before_anything_runs(tmp_path: Path) -> None:
    """A recipe that needs a library which is not there says so and how to get it."""
    # Whatever is installed here, to this process the library is not there.
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['numpy'] = None\nsys.modules['pandas'] = None\n")
    script = "import importlib.util, sys; real = importlib.util.find_spec; importlib.util.find_spec = lambda name, *more: None if name == 'pandas' else real(name, *more); sys.argv = ['leakkit', 'recipes', 'run', 'copy']; from leakkit.commands import main; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == ExitCode.USAGE
    assert done.stderr == "leakkit: copy/frame_tail: not installed: pandas\nhint: pip install pandas\n"


@pytest.mark.real
def test_run_prints_the_finding_and_the_score(tmp_path: Path) -> None:
    """The finding, predicted beside measured, the price; and the page when it is asked for."""
    page = tmp_path / "page.md"
    done = run("run", "copy/memoryview", "--markdown", str(page))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fix        copy: " in done.stdout
    for label in ("predicted", "measured", "ratio", "price", "delivered"):
        assert f"\n  {label} " in done.stdout
    assert "\n  delivered  yes\n" in done.stdout
    assert "copy/memoryview: leaky, snapshot 4 of 4" in done.stderr
    assert "| copy/memoryview | " in page.read_text()
    assert page.stat().st_mode & 0o777 == 0o600


def children(pid: int) -> set[str]:
    """Command lines of all processes below one."""
    found = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found |= {Path(f"/proc/{child}/cmdline").read_text()} | children(int(child))
    return found


@pytest.mark.real
def test_ctrl_c_ends_the_programs(tmp_path: Path) -> None:
    """Interrupted in the middle, it ends with 130; its programs and folders are gone."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "leakkit", "recipes", "run", "copy/memoryview"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "snapshot 1" in line:
            break
    programs = [word for line in children(process.pid) for word in line.split("\0") if word.startswith(str(tmp_path))]
    assert programs
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == ExitCode.INTERRUPTED
    process.stderr.close()
    time.sleep(0.2)
    alive = [path for path in Path("/proc").glob("[0-9]*/cmdline") if any(word in _text(path) for word in programs)]
    assert alive == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("leakkit-recipe")] == []


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def test_full_disk_is_one_line() -> None:
    """Where stdout cannot be written the error says so, once."""
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-P", "-m", "leakkit", "recipes"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, cwd="/")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "leakkit: cannot write to stdout: No space left on device"
