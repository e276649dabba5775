"""Services under test: started, waited for, ended with everything they started."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leakkit.capture.processes import started_at
from leakkit.errors import ExitCode, UsageError
from leakkit.gate.service import Load, ServiceFailed, ready_when, run_service, split_command

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = Path(__file__).parent / "programs"
pytestmark = pytest.mark.real


def gone(pid: int) -> bool:
    """Whether that process ended within some seconds (a zombie has ended)."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if started_at(pid) is None or Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
            return True
        time.sleep(0.05)
    return False


def python(*words: str) -> list[str]:
    return [sys.executable, "-u", *words]


@pytest.fixture
def service() -> Iterator[object]:
    with run_service(python("-c", "import time; print('hello'); time.sleep(300)")) as running:
        yield running


@pytest.mark.parametrize("mode", ["obeys", "ignore"])
def test_everything_is_ended_by_its_id(tmp_path: Path, mode: str) -> None:
    """Children that ignore SIGTERM, orphans of the session, and a server that ignores SIGTERM itself."""
    pids = tmp_path / "pids"
    with run_service(python(str(PROGRAMS / "family.py"), str(pids), mode)) as running:
        running.wait_ready(ready_when("^up and running$"), 60)
        members = [int(word) for word in pids.read_text().split()]
        assert {pid for pid, _ in running.processes()} >= set(members)
    assert [pid for pid in members if not gone(pid)] == []


def test_an_exception_ends_it_too(tmp_path: Path) -> None:
    """Ctrl-C in the middle leaves nothing behind."""
    pids = tmp_path / "pids"
    with pytest.raises(KeyboardInterrupt), run_service(python(str(PROGRAMS / "family.py"), str(pids), "obeys")) as running:
        running.wait_ready(ready_when("up and"), 60)
        raise KeyboardInterrupt
    assert [pid for pid in map(int, pids.read_text().split()) if not gone(pid)] == []


def test_not_ready_in_time(service: object) -> None:
    with pytest.raises(ServiceFailed, match=r"not ready after 0.2 s: hello") as caught:
        time.sleep(1)
        service.wait_ready(ready_when("never said"), 0.2)  # type: ignore[attr-defined]
    assert caught.value.exit_code == ExitCode.TARGET


def test_ended_before_it_was_ready() -> None:
    with pytest.raises(ServiceFailed, match=r"ended with status 3: no such table"), run_service(python("-c", "import sys; print('no such table'); sys.exit(3)")) as running:
        running.wait_ready(ready_when("ready"), 60)


def test_ready_by_address(tmp_path: Path) -> None:
    """Any answer below 500 will do; nobody there will not."""
    code = "import http.server, sys, pathlib; s = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler); pathlib.Path(sys.argv[1]).write_text(str(s.server_port)); s.serve_forever()"
    place = tmp_path / "port"
    with run_service(python("-c", code, str(place))) as running:
        running.wait_ready(lambda _: place.exists() and place.read_text() != "", 60)
        address = f"http://127.0.0.1:{place.read_text()}/nothing"
        running.wait_ready(ready_when(address), 60)  # 404 is an answer
    assert not ready_when(address)(running)


def test_settled_means_idle(service: object) -> None:
    """An idle service settles; one that computes does not."""
    assert service.settle(20)  # type: ignore[attr-defined]
    with run_service(python("-c", "while True: pass")) as busy:
        time.sleep(1)
        assert not busy.settle(1.0)


def test_a_load_that_fails(service: object) -> None:
    load = Load(python("-c", "import sys; print('assert 500 == 200'); sys.exit(1)"), 60)
    with pytest.raises(ServiceFailed, match="the load ended with status 1: assert 500 == 200"):
        load.run(service)  # type: ignore[arg-type]


def test_a_load_that_hangs_is_ended(service: object, tmp_path: Path) -> None:
    place = tmp_path / "pid"
    load = Load(python("-c", f"import os, pathlib, time; pathlib.Path({str(place)!r}).write_text(str(os.getpid())); time.sleep(300)"), 2.0)
    with pytest.raises(ServiceFailed, match="took longer than 2 s"):
        load.run(service)  # type: ignore[arg-type]
    assert gone(int(place.read_text()))


def test_a_service_that_dies_under_load() -> None:
    load = Load(python("-c", "import time; time.sleep(300)"), 60)
    with pytest.raises(ServiceFailed, match=r"the service ended with status -9"), run_service(python("-c", "import os, time; time.sleep(1); os.kill(os.getpid(), 9)")) as running:
        load.run(running)


@pytest.mark.parametrize(("text", "message"), [("", "--serve is empty"), ("'open", "--serve: No closing quotation")])
def test_commands_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        split_command(text, "--serve")


def test_a_command_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="cannot start"), run_service(["no-such-program-anywhere"]):
        pass
    with pytest.raises(UsageError, match="not a regular expression"):
        ready_when("(")
