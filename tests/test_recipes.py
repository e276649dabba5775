"""Every recipe runs: its repaired program keeps far less than the leaky one, and leakkit recommends that very fix."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support import Target

from leakkit.capture.take import take_snapshot
from leakkit.diagnose import diagnose
from leakkit.model import FixId
from leakkit.report import render

RECIPES = Path(__file__).parents[1] / "recipes"
FIXES = [fix.value for fix in FixId]
CHAPTERS = ("What it does", "Why is this bad", "Example", "Use instead", "What it costs", "How leakkit tells")
ROUNDS = 6
KEPT_SHARE = 0.35
"""The repaired program may grow by at most this share of what the leaky one grows by."""


def resident(pid: int) -> int:
    """Resident bytes of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def growth(fix: str, name: str) -> int:
    """Bytes by which a program of a recipe grows between its first and its last round."""
    with Target(RECIPES / fix / name, args=("--steps",)) as target:
        target.step()
        first = resident(target.pid)
        target.step(ROUNDS - 1)
        return resident(target.pid) - first


def test_each_fix_has_a_recipe() -> None:
    """There is one folder for each fix id and no other."""
    assert sorted(path.name for path in RECIPES.iterdir() if path.is_dir()) == sorted(FIXES)


@pytest.mark.parametrize("fix", FIXES)
def test_recipe_has_all_chapters(fix: str) -> None:
    """The page says what, why, example, instead, cost and how leakkit tells, in this order."""
    lines = (RECIPES / fix / "recipe.md").read_text().splitlines()
    assert lines[0].startswith(f"# {fix}: ")
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == list(CHAPTERS)


@pytest.mark.real
@pytest.mark.parametrize("fix", FIXES)
def test_fixed_program_keeps_far_less(fix: str) -> None:
    """Both programs do the same work; the repaired one's memory grows by a fraction of the other's."""
    leaky, fixed = growth(fix, "leaky.py"), growth(fix, "fixed.py")
    assert leaky > 10_000_000
    assert fixed < KEPT_SHARE * leaky


@pytest.mark.real
@pytest.mark.parametrize("fix", FIXES)
def test_diagnosis_of_the_leaky_program_recommends_the_recipe(fix: str) -> None:
    """The first finding of the leaky program names this fix and this recipe."""
    with Target(RECIPES / fix / "leaky.py", args=("--steps",)) as target:
        target.step(2)
        snapshots = [take_snapshot(target.pid)]
        for _ in range(2):
            target.step(2)
            time.sleep(0.05)
            snapshots.append(take_snapshot(target.pid))
    report = diagnose(snapshots)
    assert report.findings, render(report, "text")
    assert report.findings[0].fix.id.value == fix, render(report, "text")
    assert fix in report.findings[0].fix.recipe
