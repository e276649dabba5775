"""``leakkit gate --serve`` on real services: what leaks is caught, what is repaired passes, nothing is left running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"
pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


def words(program: str, *arguments: object) -> str:
    return " ".join(f"'{word}'" for word in (sys.executable, PROGRAMS / program, *arguments))


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CI_"))}


def gate(folder: Path, serve: str, drive: str, *options: str, ready: str = "^listening on port") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "leakkit", "gate", "--serve", serve, "--ready", ready, "--drive", drive, *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=500, check=False, env=environment())


def left_running(folder: Path) -> list[str]:
    """Processes whose command names the test's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder) in command and int(entry.name) != os.getpid():
                found.append(command.decode(errors="replace"))
    return found


@pytest.mark.parametrize(("variant", "status"), [("leaky", 1), ("fixed", 0)])
def test_one_kilobyte_a_request(tmp_path: Path, variant: str, status: int) -> None:
    """A FastAPI service under uvicorn that keeps 1 KB of each request fails with its line; the repaired one passes."""
    port = tmp_path / "port"
    done = gate(
        tmp_path, words("asgi_service.py", 1024, port, variant), words("load.py", port, 200),
        "--requests", "200", "--report", "leaks.json", "--keep", "kept",
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    assert left_running(tmp_path) == []
    (check,) = json.loads((tmp_path / "leaks.json").read_text())["checks"]
    growth = {one["metric"]: one for one in check["growths"]}
    assert growth["bytes"]["regressed"] == (variant == "leaky")
    assert list((tmp_path / "kept").glob("*.leak")) if status else not (tmp_path / "kept").exists()
    if variant == "leaky":
        assert all(1024 <= rate < 1400 for rate in growth["bytes"]["per_call"])
        (finding, *_) = check["findings"]
        source = (PROGRAMS / "asgi_service.py").read_text().splitlines()
        assert (finding["fix"]["id"], finding["holder"]["name"]) == ("drop", "__main__.audit_log")
        assert source[finding["holder"]["line"] - 1].startswith("audit_log:")


@pytest.mark.parametrize(("variant", "told"), [("filling", "below a declared bound"), ("sawtooth", "nothing keeps pace")])
def test_healthy_services_pass(tmp_path: Path, variant: str, told: str) -> None:
    """A bounded cache that fills with every request, and a buffer that is flushed now and then."""
    port = tmp_path / "port"
    done = gate(tmp_path, words("asgi_service.py", 1024, port, variant), words("load.py", port, 100), "--requests", "100")
    assert done.returncode == 0, done.stdout + done.stderr
    assert told in " ".join(done.stdout.split())


def test_garbage_that_nobody_collects_is_a_young_survivor(tmp_path: Path) -> None:
    """Cycles are not hidden by a collection that the service itself would not make."""
    port = tmp_path / "port"
    done = gate(tmp_path, words("young_service.py", port), words("load.py", port, 100), "--requests", "100", "--report", "json=-", ready="^listening")
    assert done.returncode == 1, done.stdout + done.stderr
    (check,) = json.loads(done.stdout)["checks"]
    (finding, *_) = check["findings"]
    assert (finding["retention"], finding["fix"]["id"]) == ("young-survivor", "collect")
    assert not {one["metric"]: one for one in check["growths"]}["bytes"]["regressed"]


@pytest.mark.parametrize(("variant", "status"), [("leaky", 1), ("fixed", 0)])
def test_workers_are_added_up(tmp_path: Path, variant: str, status: int) -> None:
    """Whichever worker answers, the whole tree is counted; the growing worker is diagnosed."""
    port = tmp_path / "port"
    done = gate(tmp_path, words("prefork.py", port, variant), words("load.py", port, 100), "--requests", "100", ready="workers are up")
    assert done.returncode == status, done.stdout + done.stderr
    assert ("__main__.answers" in done.stdout) == (variant == "leaky")
    assert left_running(tmp_path) == []


def test_a_load_that_fails_is_no_pass(tmp_path: Path) -> None:
    """Status 3, the reason, and nothing left behind."""
    port = tmp_path / "port"
    done = gate(tmp_path, words("asgi_service.py", 0, port, "fixed"), f"'{sys.executable}' -c \"import sys; sys.exit('500 from /items')\"")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "the load ended with status 1: 500 from /items" in " ".join(done.stdout.split())
    assert left_running(tmp_path) == []


def test_time_that_runs_out_is_no_pass(tmp_path: Path) -> None:
    port = tmp_path / "port"
    done = gate(tmp_path, words("asgi_service.py", 1024, port, "leaky"), words("load.py", port, 20), "--max-time", "1ms")
    assert done.returncode == 3, done.stdout + done.stderr
    assert left_running(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--serve", "python x.py"], "--serve needs --ready and --drive"),
        (["--drive", "python x.py"], "--ready and --drive are for a service"),
        (["--serve", "x", "--ready", "y", "--drive", "z", "a:b"], "a service or functions, not both"),
        (["--serve", "no-such-program", "--ready", "y", "--drive", "z"], "cannot start no-such-program"),
        (["--serve", "'", "--ready", "y", "--drive", "z"], "--serve: No closing quotation"),
        (["--serve", "x", "--ready", "(", "--drive", "z"], "--ready: not a regular expression"),
        ([], "nothing to gate"),
        (["a:b", "--report", "leaks"], "its ending names no format"),
        (["a:b", "--report", "junit=no/such/folder/x.xml"], "there is no folder"),
    ],
)
def test_usage(tmp_path: Path, options: list[str], message: str) -> None:
    done = subprocess.run([sys.executable, "-P", "-m", "leakkit", "gate", *options], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False, env=environment())
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert message in done.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_ends_the_service_too(tmp_path: Path, number: signal.Signals, status: int) -> None:
    """In the middle of a round: one line, the usual status, no process left."""
    port = tmp_path / "port"
    command = [sys.executable, "-P", "-m", "leakkit", "gate", "--serve", words("asgi_service.py", 1024, port, "leaky"), "--ready", "listening", "--drive", words("load.py", port, 20000)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "warming up" in line:
                break
        time.sleep(1)
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
    assert process.returncode == status, said
    assert "Traceback" not in said
    assert left_running(tmp_path) == []
