"""The high-water mark of a call, and budgets for it on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from leakkit.gate.peak import measure_peak

PROGRAMS = Path(__file__).parent / "programs"
pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
pytest.importorskip("memray")


def test_peak_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROGRAMS)
    peak, why = measure_peak("peaky:eight_megabytes")
    assert why == ""
    assert peak is not None
    assert 8_000_000 <= peak < 8_200_000
    peak, _ = measure_peak("peaky:two_megabytes")
    assert peak is not None
    assert 2_000_000 <= peak < 2_200_000


@pytest.mark.parametrize(("name", "why"), [("fails", "ended with status 1"), ("nothing", "peaky has no nothing"), ("slow", "in 3 s")])
def test_no_peak(monkeypatch: pytest.MonkeyPatch, name: str, why: str) -> None:
    """The reason is told; nothing is invented."""
    monkeypatch.chdir(PROGRAMS)
    peak, told = measure_peak(f"peaky:{name}", seconds=3.0 if name == "slow" else 120.0)
    assert peak is None
    assert why in told


@pytest.mark.parametrize(("budget", "status"), [("9 MB", 0), ("7 MB", 1), ("+10%", 3)])
def test_budget(tmp_path: Path, budget: str, status: int) -> None:
    """Below it a pass, above it a regression with the numbers; a relative one without a baseline is not a pass."""
    (tmp_path / "pyproject.toml").write_text(f'[tool.leakkit]\npeak = "{budget}"\n')
    (tmp_path / "peaky.py").write_text((PROGRAMS / "peaky.py").read_text())
    env = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CI_"))}

    def gate(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "leakkit", "gate", "peaky:eight_megabytes", "--report", "json=-", *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False, env=env)

    done = gate()
    assert done.returncode == status, done.stdout + done.stderr
    (check,) = json.loads(done.stdout)["checks"]
    assert 8_000_000 <= check["peak_bytes"] < 8_200_000
    if status == 1:
        assert check["broken"][0]["budget"] == "peak"
    if status == 3:
        assert gate("--update").returncode == 0
        assert gate().returncode == 0
