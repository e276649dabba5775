"""The pytest plugin in real pytest runs, with pytest-asyncio, anyio and pytest-xdist installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest

SUITE = Path(__file__).parent / "suites" / "suite_all_kinds.py"
pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Result:
    """One test of the inner run."""

    outcome: str
    message: str
    properties: dict[str, str]


@dataclass(frozen=True)
class Run:
    """An inner pytest run."""

    status: int
    output: str
    results: dict[str, Result]


def run_pytest(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> Run:
    """Run pytest on ``folder`` in a process of its own."""
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    xml = folder / "results.xml"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "LEAKKIT_"))}
    command = [sys.executable, "-m", "pytest", f"--junitxml={xml}", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=folder, env={**clean, **(env or {})}, capture_output=True, text=True, timeout=550)
    results = {}
    for case in ET.parse(xml).getroot().iter("testcase"):
        problem = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
        text = "" if problem is None else f"{problem.get('message')}\n{problem.text}"
        properties = {one.get("name", ""): one.get("value", "") for one in case.iter("property")}
        results[case.get("name", "")] = Result("passed" if problem is None else problem.tag, text, properties)
    return Run(done.returncode, done.stdout + done.stderr, results)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("suite")
    shutil.copy(SUITE, folder / "test_all_kinds.py")
    return run_pytest(folder, "-n", "2", "--leakkit-keep", str(folder / "kept"))


HEALTHY = [
    "test_plain", "test_fixtures[1]", "test_fixtures[2]", "test_logs_and_warns", "test_method", "test_inherits_the_marker",
    "test_asyncio", "test_anyio[asyncio]", "test_cycles_allowed", "test_cache_below_its_bound", "test_rounds_by_hand",
    "test_rounds_in_a_coroutine", "test_assert_no_growth",
]  # fmt: skip
LEAKING = {
    "test_plain_leaks": "test_all_kinds.KEPT",
    "test_method_leaks": "test_all_kinds.KEPT",
    "test_asyncio_leaks": "test_all_kinds.KEPT",
    "test_anyio_leaks[asyncio]": "test_all_kinds.KEPT",
    "test_rounds_by_hand_leak": "test_all_kinds.KEPT",
    "test_assert_no_growth_leaks": "test_all_kinds.KEPT",
    "test_cycles_leak": "young-survivor",
    "test_threads_leak": "threads a call",
    "test_files_leak": "files that stayed",
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_tests_pass(run: Run, name: str) -> None:
    assert run.results[name].outcome == "passed", run.results[name].message
    assert run.results[name].properties["leakkit"] == "pass"


@pytest.mark.parametrize("name", LEAKING)
def test_leaking_tests_fail_and_say_what_leaks(run: Run, name: str) -> None:
    result = run.results[name]
    assert result.outcome == "failure", run.output[-3000:]
    assert result.properties["leakkit"] == "regression"
    assert LEAKING[name] in result.message
    assert re.search(r"round +calls +\S.* a call", result.message)


def test_the_failure_prints_the_diagnosis(run: Run) -> None:
    text = run.results["test_plain_leaks"].message
    for expected in ("long-lived, module-global", "╰→ .KEPT", "bytearray", "fix        drop", "1 objects a call"):
        assert expected in text


def test_cycles_are_told_as_young_survivors_with_the_cycle(run: Run) -> None:
    text = run.results["test_cycles_leak"].message
    assert "test_all_kinds.Cyclic" in text
    assert "fix        collect" in text


def test_a_cache_below_its_bound_is_no_leak_and_says_so(run: Run) -> None:
    headline = run.results["test_cache_below_its_bound"].properties["leakkit-headline"]
    assert "below a declared bound" in headline
    assert "50,000" in headline


def test_what_cannot_be_measured_is_no_pass(run: Run) -> None:
    expected = {
        "test_cannot_be_repeated": "FileExistsError",
        "test_of_unittest": "only plain functions",
        "test_rounds_left_early": "left before they had ended",
    }
    for name, words in expected.items():
        result = run.results[name]
        assert result.outcome == "failure"
        assert result.properties["leakkit"] == "unmeasured"
        assert "could not be measured" in result.message
        assert words in result.message


def test_a_test_that_fails_by_itself_shows_its_own_failure(run: Run) -> None:
    assert "something else" in run.results["test_fails_anyway"].message
    assert "nonsense" in run.results["test_unknown_option"].message


def test_unmarked_and_left_out_tests_are_not_gated(run: Run) -> None:
    for name in ("test_not_marked", "test_left_out", "test_not_marked_cannot_be_repeated"):
        assert run.results[name].outcome == "passed"
        assert "leakkit" not in run.results[name].properties


def test_the_summary_counts_what_ran_in_workers(run: Run) -> None:
    count = sum("leakkit" in result.properties for result in run.results.values())
    assert f"leakkit: {count} gated: {len(HEALTHY)} pass, {len(LEAKING)} regression" in run.output


def test_snapshots_are_kept_on_failure_only(tmp_path: Path) -> None:
    shutil.copy(SUITE, tmp_path / "test_all_kinds.py")
    run_pytest(tmp_path, "--leakkit-keep", "kept", "-k", "test_plain or test_cache_below")
    names = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert names == [f"test_all_kinds.py-test_plain_leaks-{number}.leak" for number in (1, 2, 3)]
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "kept").iterdir()} == {0o600}


def test_the_option_gates_every_test_and_skips_what_cannot_be_repeated(tmp_path: Path) -> None:
    shutil.copy(SUITE, tmp_path / "test_all_kinds.py")
    done = run_pytest(tmp_path, "--leakkit", "-k", "test_not_marked or test_left_out or test_rounds_by_hand")
    assert done.results["test_not_marked"].outcome == "failure"
    assert done.results["test_not_marked_cannot_be_repeated"].outcome == "skipped"
    assert "leakkit" not in done.results["test_left_out"].properties
    assert done.results["test_rounds_by_hand"].properties["leakkit"] == "pass"  # once, by the fixture


def test_nothing_heavy_is_loaded_when_no_test_is_gated(tmp_path: Path) -> None:
    (tmp_path / "test_modules.py").write_text(
        "import sys\n"
        "def test_modules(pytestconfig):\n"
        "    assert 'leakkit.pytest_plugin' in sys.modules\n"
        "    loaded = {name for name in sys.modules if name.startswith('leakkit')}\n"
        "    assert loaded == {'leakkit', 'leakkit.pytest_plugin'}, loaded\n"
        "    assert not {'numpy', 'typer', 'cattrs', 'igraph'} & set(sys.modules)\n"
        "    assert not pytestconfig.pluginmanager.has_plugin('leakkit-gate')\n"
    )
    done = run_pytest(tmp_path)
    assert done.results["test_modules"].outcome == "passed", done.output


def test_the_process_of_a_healthy_gated_test_loads_no_analysis(tmp_path: Path) -> None:
    (tmp_path / "test_modules.py").write_text(
        "import sys, pytest\n"
        "@pytest.mark.leakkit\n"
        "def test_body(): pass\n"
        "def test_modules():\n"
        "    assert not {'numpy', 'typer', 'cattrs', 'igraph', 'leakkit.diagnose'} & set(sys.modules)\n"
    )
    done = run_pytest(tmp_path)
    assert {result.outcome for result in done.results.values()} == {"passed"}, done.output
