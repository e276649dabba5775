"""Recipes in text and markdown: what they are, and predicted beside measured for those that ran."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from leakkit.recipes.model import GROWTH_LEFT, RATIO_BOUNDS, Promise
from leakkit.report._style import Style, to_ascii
from leakkit.report.escape import markdown
from leakkit.report.tables import draw_table
from leakkit.report.text import finding_lines
from leakkit.report.units import format_bytes, format_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.recipes.model import Recipe, Run, Score

_HEADERS = ("recipe", "predicted", "measured", "ratio", "delivered")


def render_list(recipes: Sequence[Recipe], *, width: int) -> str:
    """The five fixes, and below each its variants; ends with a newline."""
    style, lines = Style(color=False, width=width), []
    for recipe in recipes:
        lines += [f"{recipe.fix}: {recipe.title}"]
        for variant in recipe.variants:
            needs = f" (needs {', '.join(variant.needs)})" if variant.needs else ""
            lines += style.wrap(f"{variant.name:<22} {variant.title}{needs}", first="  ", rest=" " * 25)
    return "\n".join(lines) + "\n"


def render_first_finding(run: Run, color: bool, width: int, unicode: bool) -> str:
    """The finding that decides which fix is tried; ends with a newline."""
    findings = run.report.findings
    style = Style(color=color, width=max(width, 60))
    lines = finding_lines(1, findings[0], style) if findings else [run.report.headline]
    text = "\n".join(lines) + "\n"
    return text if unicode else to_ascii(text)


def render_score(score: Score, *, width: int) -> str:
    """Predicted beside measured, and the price, of one recipe; ends with a newline."""
    style = Style(color=False, width=width)
    lines = [f"{score.variant.id}: {score.variant.title}"]
    for label, text in _facts(score):
        wrapped = style.wrap(text, first=" " * 13)
        lines += [f"  {label:<11}{wrapped[0][13:]}", *wrapped[1:]]
    return "\n".join(lines) + "\n"


def _facts(score: Score) -> list[tuple[str, str]]:
    leaky, fixed = score.leaky, score.fixed
    span = f"over {format_seconds(leaky.span)}" if score.variant.promise == Promise.GROWTH else ""
    before, after = _measured_of(score)
    return [
        ("fix", score.found or "none: the leaky program has no finding"),
        ("predicted", f"{_bytes(score.predicted)} {span}".strip()),
        (
            "measured",
            f"{format_bytes(score.measured)} {span}: {before} with the leak, {after} with the fix".replace(" :", ":"),
        ),
        ("ratio", _ratio(score)),
        ("price", f"CPU {format_seconds(leaky.cpu)} → {format_seconds(fixed.cpu)}"),
        ("", f"an operation {_change(leaky.median, fixed.median)}, the longest {_change(leaky.worst, fixed.worst)}"),
        ("", f"longest pause of the collector {_change(leaky.pause, fixed.pause)}"),
        ("delivered", "yes" if score.delivered else f"no: {'; '.join(score.failures)}"),
    ]


def _measured_of(score: Score) -> tuple[str, str]:
    if score.variant.promise == Promise.MEMORY:
        return format_bytes(score.leaky.last), format_bytes(score.fixed.last)
    return format_bytes(score.leaky.growth), format_bytes(score.fixed.growth)


def _change(before: float | None, after: float | None) -> str:
    if before is None or after is None:
        return "not known"
    return f"{format_seconds(before)} → {format_seconds(after)}"


def _bytes(size: int | None) -> str:
    return "nothing" if size is None else format_bytes(size)


def _ratio(score: Score) -> str:
    return "none" if score.ratio is None else f"{score.ratio:.2f}"


def median_ratio(scores: Sequence[Score]) -> float | None:
    """The median of predicted by measured; None when there is no ratio."""
    ratios = [score.ratio for score in scores if score.ratio is not None]
    return statistics.median(ratios) if ratios else None


def render_scores(scores: Sequence[Score]) -> str:
    """A table with a line for each recipe that ran, within 80 columns; ends with a newline."""
    rows = [
        (s.variant.id, _bytes(s.predicted), format_bytes(s.measured), _ratio(s), "yes" if s.delivered else "no")
        for s in scores
    ]
    lines = draw_table(rows, _HEADERS, align="lrrrl")
    middle = median_ratio(scores)
    if middle is not None:
        lines.append(f"median of predicted / measured: {middle:.2f}")
    return "\n".join(lines) + "\n"


def render_calibration(scores: Sequence[Score], *, version: str, python: str, when: str) -> str:
    """The page that holds leakkit's predictions against what its fixes delivered, as markdown.

    Args:
        scores: what was measured.
        version: leakkit's.
        python: version of the interpreter that ran the programs.
        when: the day of the run.
    """
    low, high = RATIO_BOUNDS
    about = _ABOUT.format(version=markdown(version), python=markdown(python), when=when, low=low, high=high)
    parts = [about, _outcome(scores), "\n".join([_COLUMNS, *(_row(score) for score in scores)]), _PRICE]
    return "\n\n".join(parts) + "\n"


_ABOUT = f"""# Calibration: predicted beside measured

Written by `leakkit recipes run --all --markdown`: leakkit {{version}}, Python {{python}}, {{when}}.

Each recipe has a leaky and a fixed program. The leaky one runs under load and is diagnosed live; *predicted* is what
the first finding promised that its fix saves. Then the fixed one gets the same load; *measured* is how much less memory
it and its children use in the end (PSS), or by how much less they grew where the fix stops growth (marked †). A recipe
delivers when the first finding names its fix, the fixed program comes out clean, predicted / measured lies within
{{low}} to {{high}}, and at most {GROWTH_LEFT * 100:.0f} % of the growth is left."""

_COLUMNS = """| recipe | predicted | measured | ratio | CPU | an operation | the longest | collector | delivered |
|---|--:|--:|--:|--:|--:|--:|--:|---|"""

_PRICE = """The last columns are the price, with the leak → with the fix: CPU time of the process and its children in
the load, median time of an operation, the longest one, and the longest pause of the collector (- where the program is a
server, which is timed from outside)."""


def _outcome(scores: Sequence[Score]) -> str:
    ratios = [score.ratio for score in scores if score.ratio is not None]
    delivered = f"**{sum(score.delivered for score in scores)} of {len(scores)} recipes delivered"
    if not ratios:
        return f"{delivered}.**"
    middle, least, most = statistics.median(ratios), min(ratios), max(ratios)
    return f"{delivered}; the median of predicted / measured is {middle:.2f}** (from {least:.2f} to {most:.2f})."


def _row(score: Score) -> str:
    leaky, fixed = score.leaky, score.fixed
    mark = " †" if score.variant.promise == Promise.GROWTH else ""
    cells = (
        f"{markdown(score.variant.id)}{mark}",
        _bytes(score.predicted),
        format_bytes(score.measured),
        _ratio(score),
        _change(leaky.cpu, fixed.cpu),
        _change(leaky.median, fixed.median),
        _change(leaky.worst, fixed.worst),
        "-" if leaky.pause is None else _change(leaky.pause, fixed.pause),
        "yes" if score.delivered else markdown("no: " + "; ".join(score.failures)),
    )
    return "| " + " | ".join(cells) + " |"
