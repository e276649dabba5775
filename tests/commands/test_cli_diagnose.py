"""``leakkit diagnose`` on files and on live processes."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
from heap_dump import Dump
from support import Target

from leakkit import store
from leakkit.commands.diagnose import _plan
from leakkit.errors import ExitCode, UsageError
from leakkit.report.as_json import schema

LEAKY = """
import _drive
CACHE = {}
def step(number):
    for i in range(40):
        CACHE[number, i] = bytearray(100_000)
step(-1)
_drive.rounds(step)
"""


def diagnose(*args: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | (env or {})
    return subprocess.run([sys.executable, "-P", "-m", "leakkit", "diagnose", *map(str, args)], capture_output=True, text=True, timeout=240, check=False, env=environment)


@pytest.fixture
def series(tmp_path: Path) -> list[Path]:
    """Three files of a heap whose ``app.CACHE`` grows by 20 MB each time."""
    dump = Dump()
    app = dump.module("app", file="/srv/app/app.py")
    app["CACHE"] = cache = dump.dict()
    paths = []
    for round_number in range(3):
        for i in range(20):
            cache[f"{round_number}-{i}"] = dump.bytes(1_000_000)
        paths.append(tmp_path / f"{round_number}.leak")
        store.write(dump.snapshot(), paths[-1])
    return paths


def test_files_to_text(series: list[Path]) -> None:
    """Three files of a growing heap: the report on stdout names the holder, progress on stderr."""
    done = diagnose(*series)
    assert done.returncode == 0, done.stderr
    assert "CACHE" in done.stdout
    assert done.stdout.startswith("leak found: pid 4242")
    assert "analysing 3 snapshots" in done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_order_of_files_does_not_matter(series: list[Path]) -> None:
    """Files are diagnosed in the order in which they were taken."""
    taken = [
        [s["taken_at"] for s in json.loads(diagnose(*order, "--format", "json").stdout)["snapshots"]]
        for order in (series, reversed(series))
    ]
    assert taken[0] == taken[1] == sorted(taken[0])


@pytest.mark.parametrize(("flag", "status"), [("leak", ExitCode.LEAK_FOUND), ("suspect", ExitCode.LEAK_FOUND), (None, ExitCode.OK)])
def test_fail_on(series: list[Path], flag: str | None, status: int) -> None:
    """A leak fails the command only when asked; the report is printed either way."""
    done = diagnose(*series, *(["--fail-on", flag] if flag else []))
    assert done.returncode == status
    assert "leak found" in done.stdout


def test_one_file_is_no_leak_for_fail_on_leak(series: list[Path]) -> None:
    """One snapshot shows suspects at most."""
    done = diagnose(series[-1], "--fail-on", "leak", "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["verdict"] in {"suspect", "clean", "inconclusive"}


def test_json_obeys_the_contract(series: list[Path]) -> None:
    """What stdout carries validates against the shipped schema."""
    done = diagnose(*series, "--format", "json")
    fields = json.loads(done.stdout)
    jsonschema.Draft202012Validator(schema(), format_checker=jsonschema.FormatChecker()).validate(fields)
    assert sum(p["bytes"] for p in fields["ledger"]["parts"]) == fields["ledger"]["rss_bytes"]


@pytest.mark.parametrize(("name", "start"), [("r.html", "<!doctype html>"), ("r.md", "## leakkit: leak found"), ("r.json", "{"), ("r.out", "leak found")])
def test_output_file_chooses_the_format(series: list[Path], tmp_path: Path, name: str, start: str) -> None:
    """The ending of ``-o`` names the format; nothing on stdout; mode 0600."""
    done = diagnose(*series, "-o", tmp_path / name)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_format_beats_the_ending(series: list[Path], tmp_path: Path) -> None:
    """``--format`` is obeyed whatever the file is called."""
    diagnose(*series, "-o", tmp_path / "r.html", "--format", "markdown")
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("## leakkit")


def test_snapshots_of_two_processes_are_refused(series: list[Path], tmp_path: Path) -> None:
    """Growth between two processes means nothing."""
    other = Dump(pid=99)
    other.module("app")
    store.write(other.snapshot(), tmp_path / "other.leak")
    done = diagnose(series[0], tmp_path / "other.leak")
    assert done.returncode == ExitCode.USAGE
    assert "2 processes" in done.stderr


def test_a_file_named_like_a_pid_is_a_file(series: list[Path], tmp_path: Path) -> None:
    """An existing file wins over the process of that number."""
    named = tmp_path / "4242"
    series[-1].rename(named)
    done = subprocess.run([sys.executable, "-P", "-m", "leakkit", "diagnose", "4242", "--format", "json"], capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["snapshots"]) == 1


@pytest.mark.parametrize(
    ("duration", "every", "count", "interval"), [(None, None, 1, 0.0), ("60s", None, 4, 20.0), ("60s", "20s", 4, 20.0), ("1s", "100ms", 11, 0.1), ("10s", "4s", 3, 4.0)]
)
def test_plan(duration: str | None, every: str | None, count: int, interval: float) -> None:
    """How many snapshots a time span makes; both ends count."""
    assert _plan(duration, every) == (count, pytest.approx(interval))


def test_plan_needs_three_snapshots() -> None:
    """Two snapshots are monotonic by construction."""
    with pytest.raises(UsageError, match="growth needs three"):
        _plan("10s", "6s")


@pytest.mark.real
def test_live_process_over_time(tmp_path: Path) -> None:
    """``diagnose PID --for`` finds the growing global of a real process, keeps the snapshots, and leaves it alive."""
    import threading

    program = tmp_path / "leaky.py"
    program.write_text(LEAKY)
    with Target(program) as target:
        stop = threading.Event()

        def work() -> None:
            while not stop.wait(0.2):
                target.step()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            done = diagnose(target.pid, "--for", "6s", "--every", "2s", "--format", "json", "--fail-on", "leak", "--keep", tmp_path / "kept")
        finally:
            stop.set()
            worker.join()
        assert target.alive()
    assert done.returncode == ExitCode.LEAK_FOUND, done.stderr
    fields = json.loads(done.stdout)
    jsonschema.Draft202012Validator(schema()).validate(fields)
    assert fields["verdict"] == "leak"
    assert "CACHE" in fields["findings"][0]["holder"]["name"]
    assert len(re.findall(r"(?m)^snapshot \d of 4: .* resident", done.stderr)) == 4
    kept = sorted((tmp_path / "kept").iterdir())
    assert [path.name for path in kept] == [f"{target.pid}-00{i}.leak" for i in (1, 2, 3, 4)]
    assert store.read(kept[0]).process.pid == target.pid


@pytest.mark.real
def test_live_process_once(tmp_path: Path) -> None:
    """Without ``--for`` one snapshot is taken, and stderr says what that cannot show."""
    program = tmp_path / "leaky.py"
    program.write_text(LEAKY)
    with Target(program) as target:
        done = diagnose(target.pid, "-v")
        assert target.alive()
        assert target.stderr == ""
    assert done.returncode == 0, done.stderr
    assert "not growth" in done.stderr
    assert f"pid {target.pid}" in done.stdout
    assert "1 snapshot," in done.stdout


@pytest.mark.real
def test_target_that_ends_meanwhile(tmp_path: Path) -> None:
    """What was taken before the target ended is diagnosed, and the loss is said."""
    program = tmp_path / "short.py"
    program.write_text("import time\nKEPT = [bytearray(1000) for _ in range(1000)]\nprint('READY', flush=True)\ntime.sleep(6)\n")
    with Target(program) as target:
        done = diagnose(target.pid, "--for", "40s", "--every", "10s")
    assert done.returncode == 0, done.stderr
    assert "going on with 1 of 5 snapshots" in done.stderr
    assert f"pid {target.pid}" in done.stdout


@pytest.mark.real
def test_ctrl_c_while_watching(tmp_path: Path) -> None:
    """Ctrl-C between two snapshots ends with status 130; the target works on as before."""
    program = tmp_path / "leaky.py"
    program.write_text(LEAKY)
    with Target(program) as target:
        code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from leakkit.commands import main; sys.argv[0] = 'leakkit'; main()"
        command = [sys.executable, "-c", code, "diagnose", str(target.pid), "--for", "90s"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        while not (line := process.stderr.readline()).startswith("snapshot 1 of 4: "):
            assert line, "ended before its first snapshot"
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
        assert (process.returncode, stdout, stderr) == (ExitCode.INTERRUPTED, "", "leakkit: interrupted\n")
        target.step()
        assert target.alive()
        assert target.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("1", "--native"), "--native needs --allocations"),
        (("1", "--allocations"), "--allocations needs --for"),
        (("FILE", "--native"), "--native: only for a process id"),
        (("FILE", "--allocations", "--for", "9s"), "--for, --allocations: only for a process id"),
    ],
)
def test_options_of_a_window_that_do_not_fit(series: list[Path], arguments: tuple[str, ...], message: str) -> None:
    """What goes with what is said before anything is done."""
    done = diagnose(*(str(series[0]) if word == "FILE" else word for word in arguments))
    assert done.returncode == ExitCode.USAGE
    assert done.stderr.startswith(f"leakkit: {message}\nhint: ")
    assert done.stdout == ""


@pytest.mark.real
def test_native_from_the_command_line(tmp_path: Path) -> None:
    """A window with C stacks over the command: the report says what it cost and finds the leak as without."""
    program = tmp_path / "leaky.py"
    program.write_text("import threading\n" + LEAKY)
    with Target(program) as target:
        command = [sys.executable, "-P", "-m", "leakkit", "diagnose", str(target.pid), "--for", "3s", "--allocations", "--native", "-f", "json"]
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while running.poll() is None:
            target.step()
            time.sleep(0.2)
        told = json.loads(running.communicate()[0])
    assert running.returncode == 0
    (finding,) = [found for found in told["findings"] if "CACHE" in found["holder"]["name"]]
    assert finding["allocated_at"][0]["function"] == "step"
    assert any("memray" in line for line in told["disclosures"])
