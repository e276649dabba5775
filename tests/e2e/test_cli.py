"""The commands as a user types them, each in a process of its own, against real targets."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from support import TARGETS, Target

from leakkit.report.as_json import schema

LEAKKIT = [sys.executable, "-P", "-m", "leakkit"]
GROWING = "holders/module_dict.py"


def leakkit(*arguments: object, cwd: Path, check: int | None = 0) -> subprocess.CompletedProcess[str]:
    """Run one leakkit command; its status must be ``check``."""
    done = subprocess.run(
        [*LEAKKIT, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
    assert check is None or done.returncode == check, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three snapshots of a growing program whose source is gone."""
    folder = tmp_path_factory.mktemp("series")
    program = folder / "service.py"
    shutil.copy(TARGETS / GROWING, program)
    with Target(program) as target:
        target.step(2)
        for number in range(3):
            leakkit("snapshot", target.pid, "-o", folder / f"{number}.leak", cwd=folder)
            target.step(2)
    program.unlink()
    return folder


@pytest.mark.real
def test_snapshot_file_is_private(series: Path) -> None:
    """A snapshot is readable by its owner only, and nothing else is left beside it."""
    assert sorted(path.name for path in series.iterdir()) == ["0.leak", "1.leak", "2.leak"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in series.iterdir()} == {0o600}


@pytest.mark.real
def test_files_are_diagnosed_on_another_machine(series: Path, tmp_path: Path) -> None:
    """Copied elsewhere, with target and source gone, the files tell the same."""
    for path in series.iterdir():
        shutil.copy(path, tmp_path)
    done = leakkit("diagnose", "2.leak", "0.leak", "1.leak", "--format", "json", cwd=tmp_path)
    report = json.loads(done.stdout)
    jsonschema.Draft202012Validator(schema()).validate(report)
    assert report["verdict"] == "leak"
    assert "SESSIONS" in report["findings"][0]["path_text"]
    assert report["findings"][0]["fix"]["id"] == "drop"


@pytest.mark.real
def test_fail_on_leak_is_status_one(series: Path, tmp_path: Path) -> None:
    """``--fail-on leak`` turns a leak into exit status 1; without it the status is 0."""
    files = sorted(series.glob("*.leak"))
    leakkit("diagnose", *files, cwd=tmp_path)
    done = leakkit("diagnose", *files, "--fail-on", "leak", cwd=tmp_path, check=1)
    assert "SESSIONS" in done.stdout


@pytest.mark.real
def test_every_format_is_written_to_its_file(series: Path, tmp_path: Path) -> None:
    """The ending of ``-o`` chooses the format; every one names the holder."""
    for ending in ("txt", "md", "html", "json"):
        leakkit("diagnose", *sorted(series.glob("*.leak")), "-o", tmp_path / f"report.{ending}", cwd=tmp_path)
        assert "SESSIONS" in (tmp_path / f"report.{ending}").read_text()


@pytest.mark.real
def test_info_prints_what_is_inside(series: Path, tmp_path: Path) -> None:
    """``info`` shows target, moment and sections without analysing."""
    done = leakkit("info", series / "0.leak", cwd=tmp_path)
    assert "service.py" in done.stdout
    assert ".".join(map(str, sys.version_info[:3])) in done.stdout


@pytest.mark.real
def test_diagnose_of_a_live_process_takes_its_own_snapshots(tmp_path: Path) -> None:
    """``diagnose PID --for`` watches a growing process, shows progress, and names the holder."""
    program = tmp_path / "growing.py"
    program.write_text(
        "import time\n"
        "history = []\n"
        "while True:\n"
        "    history.append('event %d ' % len(history) * 200)\n"
        "    time.sleep(0.0005)\n"
    )
    process = subprocess.Popen([sys.executable, str(program)])
    try:
        done = leakkit("diagnose", process.pid, "--for", "6s", "--every", "2s", "--fail-on", "leak", cwd=tmp_path, check=1)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    assert "history" in done.stdout
    assert "4 of 4" in done.stderr


@pytest.mark.real
@pytest.mark.parametrize("program", ["trees/prefork.py", "trees/spawned.py"])
def test_tree_snapshots_parent_and_workers(program: str, tmp_path: Path) -> None:
    """``--tree`` makes one file for the parent and one for each of its two workers."""
    with Target(program) as target:
        leakkit("snapshot", "--tree", target.pid, "-o", tmp_path / "tree.leak", cwd=tmp_path)
        target.step()
    files = sorted(tmp_path.glob("*.leak"))
    assert len(files) >= 3
    commands = [leakkit("info", path, cwd=tmp_path).stdout for path in files]
    assert len({text for text in commands}) == len(files)


LAUNCHED = (
    "import sys, time\n"
    "TABLE = {number: 'entry %d ' % number * 300 for number in range(int(sys.argv[1]))}\n"
    "def main():\n"
    "    time.sleep(4)\n"
    "if __name__ == '__main__':\n"
    "    main()\n"
)


@pytest.mark.real
@pytest.mark.parametrize("form", ["script", "module", "console-script"])
def test_launched_command_is_snapshotted(form: str, tmp_path: Path) -> None:
    """``snapshot -- COMMAND`` launches a script, ``-m`` module or console script with the agent preloaded."""
    (tmp_path / "launched.py").write_text(LAUNCHED)
    script = tmp_path / "launched-tool"
    script.write_text(f"#!{sys.executable}\n{LAUNCHED}")
    script.chmod(0o755)
    command = {
        "script": [sys.executable, "launched.py", "5000"],
        "module": [sys.executable, "-m", "launched", "5000"],
        "console-script": [str(script), "5000"],
    }[form]
    process = subprocess.Popen(
        [*LEAKKIT, "snapshot", "-o", "launched.leak", "--count", "2", "--every", "1s", "--", *command],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": ""},
    )
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    files = sorted(tmp_path.glob("*.leak"))
    assert len(files) == 2, errors
    report = json.loads(leakkit("diagnose", files[-1], "--format", "json", cwd=tmp_path).stdout)
    assert "TABLE" in json.dumps(report)


@pytest.mark.real
def test_errors_are_one_line_a_hint_and_their_status(tmp_path: Path) -> None:
    """No such process, not a Python, not a snapshot: each has its own exit status and no traceback."""
    (tmp_path / "no.leak").write_bytes(b"not a snapshot")
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        cases = [(["snapshot", 2**22 + 1], 3), (["snapshot", sleeper.pid], 3), (["info", "no.leak"], 4), (["diagnose", "no.leak"], 4)]
        for arguments, status in cases:
            done = leakkit(*arguments, cwd=tmp_path, check=status)
            assert re.search(r"^leakkit: .+\nhint: .+\n\Z", done.stderr, re.MULTILINE), done.stderr
            assert "Traceback" not in done.stderr
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()
