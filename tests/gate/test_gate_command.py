"""``leakkit gate`` on functions and on pytest: real processes, real exit statuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from leakkit.gate.model import Metric, Outcome
from leakkit.gate.run import run_command, run_function

SUITES = Path(__file__).parent / "suites"
pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def in_the_suites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SUITES)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")


def gate(*arguments: str, cwd: Path = SUITES) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "LEAKKIT_"))}
    command = [sys.executable, "-m", "leakkit", "gate", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=250)


def test_a_healthy_function_passes_with_status_0() -> None:
    done = gate("scenarios:healthy", "scenarios:async_healthy", "scenarios:Jobs.run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("pass scenarios:") == 3
    assert "own output" not in done.stdout  # stdout is the gate's


def test_a_leak_fails_with_status_1_and_its_diagnosis() -> None:
    done = gate("scenarios:leak", "scenarios:healthy")
    assert done.returncode == 1
    for expected in ("FAIL scenarios:leak", "+1 objects a call", "scenarios.KEPT", "fix        drop", "pass scenarios:healthy"):
        assert expected in done.stdout


@pytest.mark.parametrize("name", ["one_in_ten", "async_leak", "bounded_cache_and_leak"])
def test_leaks_are_found_with_their_holder(name: str) -> None:
    check = run_function(f"scenarios:{name}", {})
    assert check.outcome == Outcome.REGRESSION
    assert check.findings[0].holder.name == "scenarios.KEPT"
    assert check.findings[0].growth_count_per_second
    growths = {growth.metric: growth for growth in check.growths if growth.regressed}
    assert {Metric.BLOCKS, Metric.OBJECTS, Metric.BYTES} <= set(growths)
    assert check.file == str(SUITES / "scenarios.py")
    assert check.line == next(n for n, text in enumerate((SUITES / "scenarios.py").read_text().splitlines(), 1) if f"def {name}(" in text)


def test_one_leak_every_ten_calls_is_counted_exactly() -> None:
    growths = {growth.metric: growth for growth in run_function("scenarios:one_in_ten", {}).growths}
    objects = growths[Metric.OBJECTS]
    assert objects.per_call == pytest.approx((0.1, 0.1), abs=0.01)


def test_cycles_are_young_survivors_and_not_hidden_by_a_collection() -> None:
    check = run_function("scenarios:cycles", {})
    assert check.outcome == Outcome.REGRESSION
    assert [finding.retention.value for finding in check.findings] == ["young-survivor"]
    sizes = next(growth for growth in check.growths if growth.metric == Metric.GARBAGE_BYTES)
    assert sizes.regressed
    assert min(sizes.per_call) > 1000
    assert not any("disabled" in evidence.reason for evidence in check.findings[0].evidence)  # only the gate held it off
    assert run_function("scenarios:cycles", {"ignore": ["garbage-objects"]}).outcome == Outcome.PASS


def test_a_cache_below_its_bound_passes_and_says_when_it_is_full() -> None:
    check = run_function("scenarios:bounded_cache", {"calls": 20})
    assert check.outcome == Outcome.PASS
    assert "lru_cache maxsize 30,000" in check.headline
    assert not any(growth.regressed for growth in check.growths)
    assert check.findings == ()


def test_a_cache_that_declares_no_bound_is_given_time_to_fill() -> None:
    """Its first 208 calls, six rounds, look like a leak."""
    check = run_function("scenarios:patterns", {"calls": 10})
    assert check.outcome == Outcome.PASS, check.headline
    assert sum(one.calls for one in check.rounds) > 512


def test_every_check_survives_the_way_between_the_processes() -> None:
    check = run_function("scenarios:leak", {"calls": 20})
    finding = check.findings[0]
    assert finding.fix.recipe == "drop"
    assert finding.types[0].name == "object"
    assert all(isinstance(metric, Metric) for one in check.rounds for metric in one.counts)
    by_metric = {growth.metric: growth for growth in check.growths}
    assert by_metric[Metric.OBJECTS].first_round == len(by_metric[Metric.BLOCKS].per_call) == len(check.rounds) - 2


def test_what_cannot_be_measured_has_status_3() -> None:
    done = gate("scenarios:raises_later")
    assert done.returncode == 3
    assert "RuntimeError: no more" in done.stdout
    done = gate("scenarios:ends_the_process")
    assert done.returncode == 3
    assert "ended with status 9" in done.stdout


def test_time_that_runs_out_is_no_pass() -> None:
    done = gate("--max-time", "1s", "scenarios:slow")
    assert done.returncode == 3
    assert "undecided" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scenarios:missing"], "has no missing"),
        (["no_such_module:f"], "there is no module no_such_module"),
        (["scenarios:needs_an_argument"], "without arguments"),
        (["scenarios:KEPT"], "cannot be called"),
        (["--ignore", "nonsense", "scenarios:leak"], "no such metric"),
        (["--", "no-such-program", "x"], "cannot start no-such-program"),
    ],
)
def test_a_wrong_command_line_has_status_2(arguments: list[str], words: str) -> None:
    done = gate(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_gate_leaves_no_process_behind(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "leakkit", "gate", "scenarios:tells_its_process_and_waits"]
    with subprocess.Popen(command, cwd=SUITES, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        line = next(text for text in program.stderr if text.startswith("process "))
        program.send_signal(number)
        program.communicate(timeout=60)
    assert program.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert not Path(f"/proc/{line.split()[1]}").exists()


def suite(folder: Path) -> Path:
    shutil.copy(SUITES / "suite_all_kinds.py", folder / "test_all_kinds.py")
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    return folder


def test_pytest_under_the_gate_gives_a_check_for_every_test(tmp_path: Path) -> None:
    chosen = "test_plain or test_not_marked or test_fails_anyway"
    done = gate("--", sys.executable, "-m", "pytest", "-n", "2", "-k", chosen, cwd=suite(tmp_path))
    assert done.returncode == 1
    assert "FAIL test_all_kinds.py::test_plain_leaks" in done.stdout
    assert "FAIL test_all_kinds.py::test_not_marked " in done.stdout
    assert "pass test_all_kinds.py::test_plain " in done.stdout
    assert "NOT MEASURED test_all_kinds.py::test_fails_anyway" in done.stdout
    assert "test_all_kinds.KEPT" in done.stdout


def test_only_marked_tests_when_asked(tmp_path: Path) -> None:
    done = gate("--marked", "--", sys.executable, "-m", "pytest", "-k", "test_plain and not leaks or test_not_marked", cwd=suite(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not_marked" not in done.stdout


def test_a_command_that_gates_nothing_is_no_pass(tmp_path: Path) -> None:
    done = gate("--", sys.executable, "-c", "pass", cwd=tmp_path)
    assert done.returncode == 3
    assert "no test was gated" in done.stdout


def test_the_options_of_the_command_reach_the_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(suite(tmp_path))
    checks, status = run_command(
        [sys.executable, "-m", "pytest", "-q", "-k", "test_cycles_leak"], {"ignore": ["garbage-objects"]}
    )
    assert status == 0
    assert [check.outcome for check in checks] == [Outcome.PASS]
    assert json.dumps(checks[0].subject) == '"test_all_kinds.py::test_cycles_leak"'
