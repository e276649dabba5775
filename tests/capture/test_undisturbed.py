"""A real server under load is snapshotted twenty times: it loses no request, logs nothing, collects as it would have."""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time

import pytest
from capture_support import PROGRAMS, handover_folders, zombies_of
from leakkit.capture.take import take_snapshot
from support import Interpreter, Target

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
TIMES = 20


@pytest.fixture(params=["threaded_server", "asyncio_server"])
def program(request: pytest.FixtureRequest, interpreter: Interpreter) -> str:
    """The threaded server on every interpreter, the asyncio one on leakkit's own version, to save time."""
    if request.param == "asyncio_server" and interpreter.minor != sys.version_info[:2]:
        pytest.skip("the asyncio server runs on leakkit's own version")
    return request.param


class Client(threading.Thread):
    """Asks the server again and again over one kept connection, checking every answer; ends at the first that fails."""

    EXPECTED = json.dumps([{"number": number} for number in range(50)]).encode()

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.answered = 0
        self.failure: BaseException | None = None
        self.slowest = 0.0
        self.done = threading.Event()

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            while not self.done.is_set():
                began = time.monotonic()
                connection.request("GET", "/")
                response = connection.getresponse()
                body = response.read()
                assert response.status == 200
                assert body == self.EXPECTED
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.answered += 1
                time.sleep(0.003)
        except BaseException as error:
            self.failure = error
        finally:
            connection.close()


def collector(port: int) -> list[object]:
    """The server's gc.get_stats(), whether its collector is on, its thresholds and counts."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/gc")
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def start(program: str, interpreter: Interpreter) -> tuple[Target, int]:
    target = Target(PROGRAMS / f"{program}.py", interpreter, ready=False)
    assert target.process.stdout is not None
    port = int(target.process.stdout.readline())
    target.wait_ready()
    return target, port


def test_no_request_is_lost_under_load(program: str, interpreter: Interpreter) -> None:
    """Twenty snapshots while four clients ask without pause: all answers right, nothing logged, no zombie, no folder."""
    target, port = start(program, interpreter)
    with target:
        clients = [Client(port) for _ in range(4)]
        for client in clients:
            client.start()
        time.sleep(0.5)
        before = sum(client.answered for client in clients)
        pauses = []
        for _ in range(TIMES):
            taken = take_snapshot(target.pid, timeout=60)
            assert taken.collector.enabled
            pauses.append(taken.capture.pause_seconds)
        for client in clients:
            client.done.set()
        for client in clients:
            client.join(30)
        assert [client.failure for client in clients if client.failure] == []
        assert sum(client.answered for client in clients) > before
        assert min(client.answered for client in clients) > TIMES
        assert target.alive()
        assert target.stderr == ""
        assert zombies_of(target.pid) == []
        assert all(0 < pause < 5 for pause in pauses)
    assert handover_folders(interpreter.root) == set()


def test_collections_stay_what_they_were(program: str, interpreter: Interpreter) -> None:
    """On an idle server gc.get_stats() is the same after twenty snapshots, the collector on, its thresholds untouched."""
    if interpreter.root and not os.path.exists(interpreter.root + "/proc/self"):
        pytest.skip("without /proc in its chroot the collector's count of new objects cannot be put back")
    target, port = start(program, interpreter)
    with target:
        collector(port)
        asked = collector(port)
        again = collector(port)
        own_cost = [now["collections"] - then["collections"] for now, then in zip(again[0], asked[0], strict=True)]
        assert own_cost == [0, 0, 0], "asking twice must not collect, or the comparison says nothing"
        for _ in range(TIMES):
            take_snapshot(target.pid, timeout=60)
        stats, enabled, thresholds, count = collector(port)
        assert [stats, enabled, thresholds] == again[:3]
        assert abs(count[0] - again[3][0]) < 150, "the agent left its objects in the collector's count"
        assert target.stderr == ""


def test_what_a_snapshot_does_not_change(interpreter: Interpreter) -> None:
    """Threads, open files, signal mask and children are the same before and after."""
    target, _ = start("asyncio_server", interpreter)
    with target:
        take_snapshot(target.pid, timeout=60)
        time.sleep(0.3)
        before = _facts(target.pid)
        for _ in range(3):
            take_snapshot(target.pid, timeout=60)
        time.sleep(0.3)
        assert _facts(target.pid) == before


def _facts(pid: int) -> dict[str, object]:
    with open(f"/proc/{pid}/status") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    wanted = ("Threads", "SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd", "TracerPid")
    files = {name: os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        children = file.read()
    return {**{name: status[name] for name in wanted}, "files": files, "children": children}
