"""Every kind of target is entered again and again, on every interpreter, and lives on as if nothing had been."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from capture_support import PROGRAMS, enter_once, handover_folders, mapped_spans, zombies_of
from support import Interpreter, Target, python

pytestmark = pytest.mark.real
TIMES = 5


@pytest.mark.parametrize(
    "program", ["idle_loop", "busy", "many_threads", "blocked_read", "malloc_storm", "import_storm", "threaded_server"]
)
def test_every_kind_of_target_is_entered_and_lives_on(program: str, interpreter: Interpreter) -> None:
    """Five entries: the agent ran in the target each time, which then still runs, silent, without zombies or leftovers."""
    before = handover_folders(interpreter.root)
    with Target(PROGRAMS / f"{program}.py", interpreter) as target:
        for _ in range(TIMES):
            method, met, lines = enter_once(target.pid)
            assert method == "ptrace", lines
            assert met == {"pid": target.pid, "collector": True}, lines
        time.sleep(0.1)
        assert target.alive(), target.stderr
        assert target.stderr == ""
        assert zombies_of(target.pid) == []
        if program in ("idle_loop", "many_threads"):
            target.step(2)
    assert handover_folders(interpreter.root) <= before


def test_nothing_stays_in_the_target(interpreter: Interpreter) -> None:
    """The entry point's code, the memory map, the thread count and the signal mask are what they were."""
    with Target(PROGRAMS / "idle_loop.py", interpreter) as target:
        enter_once(target.pid)
        time.sleep(0.2)
        before = _facts(target.pid)
        spans = mapped_spans(target.pid)
        for _ in range(TIMES):
            enter_once(target.pid)
        time.sleep(0.2)
        assert _facts(target.pid) == before
        assert mapped_spans(target.pid) <= spans


def test_a_queued_text_gives_its_page_back() -> None:
    """A target that computes gets the text by Py_AddPendingCall; its page is unmapped once it ran."""
    with Target(PROGRAMS / "busy.py") as target:
        enter_once(target.pid)
        spans = mapped_spans(target.pid)
        for _ in range(TIMES):
            _, _, lines = enter_once(target.pid)
            assert any("pending" in line for line in lines), lines
        assert len(mapped_spans(target.pid)) <= len(spans)


def test_the_static_system_interpreter_is_entered() -> None:
    """A Python linked without libpython is entered by the symbols that its executable exports."""
    path = "/usr/bin/python3.11"
    if not os.path.exists(path):
        pytest.skip("no system Python 3.11")
    with Target(PROGRAMS / "idle_loop.py", Interpreter("3.11", (path,))) as target:
        for _ in range(TIMES):
            assert enter_once(target.pid)[0] == "ptrace"
        target.step()
        assert target.stderr == ""


def test_signals_that_arrive_meanwhile_are_delivered() -> None:
    """A storm of SIGUSR1 during ten entries loses not one: each write of the handler is counted."""
    with Target(PROGRAMS / "signals.py") as target:
        sent = 0
        for _ in range(10):
            for _ in range(5):
                os.kill(target.pid, 34 + 6)  # a queued (real-time) signal: the kernel merges none
                sent += 1
            enter_once(target.pid)
        assert target.process.stdin is not None
        time.sleep(0.3)
        target.process.stdin.write("COUNT\n")
        target.process.stdin.flush()
        assert target.process.stdout is not None
        assert int(target.process.stdout.readline()) == sent
        assert target.stderr == ""


def test_an_interrupted_wait_goes_on(interpreter: Interpreter) -> None:
    """A program that sleeps for a second in one C call sleeps neither shorter nor longer for being entered."""
    if interpreter.root:
        pytest.skip("the same C library call; once outside a chroot is enough")
    with Target(PROGRAMS / "one_sleep.py", interpreter) as target:
        time.sleep(0.2)
        enter_once(target.pid)
        enter_once(target.pid)
        assert target.process.stdout is not None
        slept, left = (float(part) for part in target.process.stdout.readline().split())
        assert left == 0
        assert 1.49 < slept < 2.5


def test_a_wide_vector_register_survives() -> None:
    """A C loop that keeps its state in vector registers gets the same sum with and without being entered."""
    if python("3.11") is None:
        pytest.skip("no Python 3.11")
    with Target(PROGRAMS / "vectors.py") as target:
        for _ in range(15):
            enter_once(target.pid)
            target.step()
        assert target.stderr == ""


def _facts(pid: int) -> dict[str, object]:
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    entry = _entry_code(pid)
    return {
        "threads": status["Threads"],
        "blocked": status["SigBlk"],
        "pending": status["SigPnd"],
        "tracer": status["TracerPid"],
        "executable mappings": [line.split()[0] for line in maps if " r-xp " in line],
        "entry": entry,
    }


def _entry_code(pid: int) -> bytes:
    from leakkit.capture.interpreter import find_interpreter
    from leakkit.capture.processes import read_process

    found = find_interpreter(read_process(pid))
    with open(f"/proc/{pid}/mem", "rb") as memory:
        memory.seek(found.entry)
        code = memory.read(len(found.entry_code))
    assert code == found.entry_code
    return code
