"""The score of a recipe: what counts as delivered, and how it is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from heap_dump import Dump

from leakkit.diagnose import diagnose
from leakkit.model import Report, Verdict
from leakkit.recipes.catalogue import choose, missing
from leakkit.recipes.model import Promise, Run, Score, Variant
from leakkit.report.scores import render_calibration, render_list, render_score, render_scores

MB = 1_000_000


def leaky_report() -> Report:
    """A global list that grows by 2 MB a step: drop, 6 MB at the end."""
    dump = Dump()
    dump.module("app", file="/srv/app.py")["CACHE"] = cache = dump.list()
    snapshots = []
    for _ in range(3):
        cache.append(*(dump.bytes(20_000) for _ in range(100)))
        snapshots.append(dump.snapshot())
    return diagnose(snapshots)


def clean_report() -> Report:
    return diagnose([Dump().snapshot()])


def run(report: Report, first: int, last: int, pause: float | None = 0.002) -> Run:
    return Run(report, first * MB, last * MB, 60.0, 0.5, 0.001, 0.02, pause)


def score(*, fix: str = "drop", promise: Promise = Promise.MEMORY, leaky: tuple[int, int] = (12, 16), fixed: tuple[int, int] = (10, 10), **more: Report) -> Score:
    variant = Variant(fix, "sample", "a sample", "Text.", promise, (), 1, {})
    return Score(variant, run(more.get("leaky_report") or leaky_report(), *leaky), run(more.get("fixed_report") or clean_report(), *fixed))


def test_delivered() -> None:
    """6 MB predicted and measured, the fixed program clean and still."""
    one = score()
    assert (one.found, one.measured) == ("drop", 6 * MB)
    assert one.ratio == pytest.approx(1.0, abs=0.02)
    assert one.failures == ()
    assert one.delivered


def test_stopped_growth_is_held_against_growth() -> None:
    """Where a fix stops growth its promise is a rate: bytes a second over the span between the snapshots."""
    one = score(promise=Promise.GROWTH, leaky=(12, 16), fixed=(10, 10))
    assert one.measured == 4 * MB
    assert one.predicted == pytest.approx(4 * MB, rel=0.02)
    assert one.delivered


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (lambda: score(fix="copy"), "the leaky program is diagnosed as drop, not copy"),
        (lambda: score(leaky_report=clean_report()), "the leaky program is diagnosed as nothing, not drop"),
        (lambda: score(fixed_report=leaky_report()), "the fixed program does not come out clean: leak"),
        (lambda: score(leaky=(12, 19)), "predicted by measured is 0.67, not within 0.8 to 1.25"),
        (lambda: score(fixed=(8, 10)), "the fixed program still grows: 2,000,000 bytes"),
        (lambda: score(fixed=(16, 16)), "there is no saving, or none was predicted"),
    ],
)
def test_what_fails(one, said: str) -> None:
    """Each way of not delivering is said."""
    made = one()
    assert said in made.failures
    assert not made.delivered
    assert said in " ".join(render_score(made, width=80).split())


def test_page_has_every_recipe_and_the_median() -> None:
    """The calibration page: a row each, the median of the ratios, what did not deliver."""
    scores = [score(), score(leaky=(12, 17)), score(leaky=(12, 19)), score(promise=Promise.GROWTH, fixed=(10, 10))]
    page = render_calibration(scores, version="1.2", python="3.11.7", when="2026-01-01")
    assert "**3 of 4 recipes delivered; the median of predicted / measured is 0.93**" in page
    rows = [line for line in page.splitlines() if line.startswith("| drop/sample")]
    assert len(rows) == 4
    assert rows[3].startswith("| drop/sample † |")
    assert "| no: predicted by measured is 0.67" in rows[2]
    assert len({row.replace("\\|", "").count("|") for row in rows}) == 1


def test_server_has_no_pause() -> None:
    """A program that cannot tell its pauses is not said to have none."""
    one = score()
    one = replace(one, leaky=replace(one.leaky, pause=None), fixed=replace(one.fixed, pause=None))
    assert "longest pause of the collector not known" in render_score(one, width=80)


def test_tables_fit_a_terminal() -> None:
    """Both stay within 80 columns."""
    lines = render_scores([score(), score(leaky=(12, 19))]).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "median of predicted / measured: 0.83"
    from leakkit.recipes.catalogue import read_recipes

    assert max(map(len, render_list(read_recipes(), width=80).splitlines())) <= 80


def test_missing_libraries_are_named_as_pip_names_them() -> None:
    """Distributions, not packages."""
    variant = replace(choose("copy/tree_string")[0], needs=("numpy", "no-such-library"))
    assert missing(variant) == ("no-such-library",)


def test_names_of_programs_are_not_those_of_libraries() -> None:
    """A program's file must not hide a module that another one imports."""
    import sys

    names = {Path(name).stem for variant in choose(None) for name in variant.files}
    assert names.isdisjoint(sys.stdlib_module_names)


def test_verdict_of_the_samples() -> None:
    """The two reports above are what they are called."""
    assert (leaky_report().verdict, clean_report().verdict) == (Verdict.LEAK, Verdict.CLEAN)
