"""``leakkit recipes``: the five fixes with their variants, to read and to run."""

from __future__ import annotations

import difflib
import platform
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - Typer reads it
from typing import TYPE_CHECKING, Annotated

import typer

import leakkit
from leakkit.commands._console import check_place, emit, note, stdout_terminal, write_file
from leakkit.errors import RecipeBroken, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from leakkit.recipes.model import Score, Variant

_PROGRAMS = ("leaky", "fixed")


def recipes(context: typer.Context) -> None:
    """List, show or run the five fixes: each with leaky programs, fixed ones, and the load to compare them.

    Without a command, list them.

    \b
    leakkit recipes
    leakkit recipes show hibernate
    leakkit recipes show hibernate/idle_connections
    leakkit recipes run hibernate/idle_connections
    leakkit recipes run --all --jobs 2
    """  # noqa: D301 - \b is click's mark for "do not rewrap"
    if context.invoked_subcommand is not None:
        return
    from leakkit.recipes.catalogue import read_recipes
    from leakkit.report.scores import render_list

    emit(render_list(read_recipes(), width=stdout_terminal().width))


def show(
    name: Annotated[str, typer.Argument(metavar="FIX[/VARIANT]", help="A fix, or one of its variants.")],
    program: Annotated[
        str, typer.Option("--program", metavar="leaky|fixed", help="Print only that program of the variant.")
    ] = "",
) -> None:
    """Print how to apply a fix; of a variant its leaky program and the change that repairs it.

    \b
    leakkit recipes show collect
    leakkit recipes show collect/parent_links
    leakkit recipes show collect/parent_links --program fixed
    """  # noqa: D301 - \b is click's mark for "do not rewrap"
    from leakkit.recipes.catalogue import choose, find, read_recipes

    if program not in {"", *_PROGRAMS}:
        raise UsageError(f"a variant has no program {program!r}", "choose leaky or fixed")
    variants = choose(name)
    if "/" in name:
        variant = variants[0]
        emit(variant.files[f"{program}.py"] if program else _variant_text(variant))
        return
    if program:
        raise UsageError(
            "--program is of a variant", f"for example leakkit recipes show {variants[0].id} --program {program}"
        )
    listed = "".join(f"- {variant.id}: {variant.title}\n" for variant in variants)
    emit(f"{find(name, read_recipes()).text}\n## Variants\n{listed}")


def _variant_text(variant: Variant) -> str:
    leaky, fixed = (variant.files[f"{which}.py"] for which in _PROGRAMS)
    change = difflib.unified_diff(leaky.splitlines(True), fixed.splitlines(True), "leaky.py", "fixed.py")
    head = f"# {variant.id}: {variant.title}\n\n{variant.text}\n\n"
    return f"{head}## leaky.py\n\n{leaky}\n## The change\n\n{''.join(change)}"


def run(
    name: Annotated[
        str | None, typer.Argument(metavar="[FIX[/VARIANT]]", help="A fix, or one of its variants.")
    ] = None,
    all_of_them: Annotated[bool, typer.Option("--all", help="Run every variant.")] = False,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Variants that run at the same time.")] = 1,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what was measured as a page there, mode 0600.")
    ] = None,
) -> None:
    """Run recipes: diagnose the leaky program live, run the fixed one under the same load, compare.

    Prints the finding, then predicted beside measured saving, their ratio and the price. Ends with status 5
    when a recipe does not deliver. A variant takes about five seconds and up to 300 MB.

    \b
    leakkit recipes run copy/array_slice
    leakkit recipes run isolate
    leakkit recipes run --all --jobs 2 --markdown calibration.md
    """  # noqa: D301 - \b is click's mark for "do not rewrap"
    if (name is None) != all_of_them:
        raise UsageError("give a recipe, or --all", "leakkit recipes lists them")
    check_place(markdown)
    from leakkit.recipes.catalogue import choose
    from leakkit.report.scores import render_calibration, render_scores

    variants = choose(name)
    _check_libraries(variants)
    scores = _run_all(variants, jobs)
    if len(scores) > 1:
        emit(render_scores(scores))
    if markdown is not None:
        today = datetime.now(UTC).date().isoformat()
        python = f"{platform.python_version()} ({platform.machine()})"
        write_file(markdown, render_calibration(scores, version=leakkit.__version__, python=python, when=today))
    broken = [score.variant.id for score in scores if not score.delivered]
    if broken:
        raise RecipeBroken(
            f"{len(broken)} of {len(scores)} recipes did not deliver: {', '.join(broken)}",
            "on a busy machine run it again; otherwise the finding's prediction is wrong: report it",
        )


def _check_libraries(variants: Sequence[Variant]) -> None:
    from leakkit.recipes.catalogue import missing

    lacking = {variant.id: missing(variant) for variant in variants if missing(variant)}
    if lacking:
        libraries = " ".join(sorted({library for found in lacking.values() for library in found}))
        raise UsageError(f"{', '.join(lacking)}: not installed: {libraries}", f"pip install {libraries}")


def _run_all(variants: Sequence[Variant], jobs: int) -> list[Score]:
    """The scores in the order of the variants; each is printed when it is there, nothing runs on after an error."""
    ended, printing = threading.Event(), threading.Lock()

    def say(line: str) -> None:
        if ended.is_set():
            raise RecipeBroken("ended by another recipe's error")
        note(line)

    pool = ThreadPoolExecutor(jobs)
    try:
        return list(pool.map(lambda variant: _run_one(variant, say, printing), variants))
    except BaseException:
        ended.set()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _run_one(variant: Variant, say: Callable[[str], None], printing: threading.Lock) -> Score:
    from leakkit.recipes.running import run_variant
    from leakkit.report.scores import render_first_finding, render_score

    terminal = stdout_terminal()
    score = run_variant(variant, say)
    finding = render_first_finding(score.leaky, terminal.color, terminal.width, terminal.unicode)
    with printing:
        emit(f"{finding}\n{render_score(score, width=terminal.width)}\n")
    return score


SUBCOMMANDS = (show, run)
"""What stands below ``leakkit recipes``."""
