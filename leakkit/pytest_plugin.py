"""pytest plugin: repeats a test's body and fails when memory, files or threads keep pace with the work.

Loaded with every pytest run, so nothing here imports more than pytest until a test is really gated: only then is
:mod:`leakkit.gate.in_pytest` loaded, and only then is there a hook around the tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from leakkit.gate.in_pytest import Gate
    from leakkit.gate.model import Check

MARKER = (
    "leakkit(calls=None, warmup=10, max_seconds=120, ignore=(), skip=''): repeat the test's body and fail when memory, "
    "open files or threads grow with every call; skip='reason' leaves the test out of --leakkit"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the command line."""
    group = parser.getgroup("leakkit", "memory regressions")
    group.addoption("--leakkit", action="store_true", help="gate every selected test, not only marked ones")
    group.addoption(
        "--leakkit-keep", metavar="DIR", default=None, help="keep the snapshots of a test that fails in that folder"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


def render(check: Check) -> str:
    """A failing check as text."""
    from leakkit.report.check import render_check  # noqa: PLC0415 - see above

    return render_check(check)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the gate around the tests, if one of them wants it."""
    wanted = config.getoption("--leakkit") or any(item.get_closest_marker("leakkit") for item in items)
    if wanted and not config.pluginmanager.has_plugin("leakkit-gate"):
        from leakkit.gate.in_pytest import TestGate  # noqa: PLC0415 - see above

        config.pluginmanager.register(TestGate(config, render), "leakkit-gate")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line on what was gated, also of tests that ran in xdist's workers."""
    reports = (report for group in terminalreporter.stats.values() for report in group)
    said = [dict(getattr(report, "user_properties", ())) for report in reports if getattr(report, "when", "") == "call"]
    outcomes = [properties["leakkit"] for properties in said if "leakkit" in properties]
    if outcomes:
        counts = ", ".join(f"{outcomes.count(one)} {one}" for one in sorted(set(outcomes)))
        terminalreporter.write_line(f"leakkit: {len(outcomes)} gated: {counts}")


@pytest.fixture
def leakkit(request: pytest.FixtureRequest) -> Gate:
    """Gates what a test repeats by itself.

    ``with leakkit.rounds() as calls: for _ in calls: work()`` or ``leakkit.assert_no_growth(work)``.
    """
    from leakkit.gate.in_pytest import Gate  # noqa: PLC0415 - see above

    return Gate(request.node, render)
