"""``leakkit picture``: a finding as a picture, through Graphviz where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leakkit.commands._console import check_place, emit, note, write_file
from leakkit.errors import UsageError

if TYPE_CHECKING:
    from leakkit.model import Finding

_DRAWN = (".svg", ".png")


def picture(
    files: Annotated[list[str], typer.Argument(metavar="SNAPSHOT...", help="Snapshots of one process.")],
    finding: Annotated[int, typer.Option(min=1, metavar="N", help="Which finding of `leakkit diagnose`.")] = 1,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", show_default=False,
            help="leak.svg, leak.png (both drawn by Graphviz) or leak.dot; unless given, DOT goes to stdout.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Draw a finding: who holds it, what it holds, where that was allocated.

    \b
    leakkit picture a.leak b.leak c.leak --finding 1 -o leak.svg
    leakkit picture a.leak | dot -Tpdf > leak.pdf
    """  # noqa: D301 - \b is click's mark for "do not rewrap"
    from leakkit.report import graphviz
    from leakkit.report.picture import finding_dot

    check_place(output)
    if output is not None and output.suffix not in (*_DRAWN, ".dot"):
        raise UsageError(f"no such kind of picture: {output.name}", "end it with .svg, .png or .dot")
    if output is not None and output.suffix in _DRAWN and not graphviz.installed():
        raise UsageError("Graphviz's dot is not installed", "install graphviz, or use -o leak.dot")
    text = finding_dot(_find(files, finding))
    if output is None:
        emit(text)
        return
    if output.suffix == ".dot":
        write_file(output, text)
    else:
        try:
            write_file(output, graphviz.draw(text, output.suffix[1:]))
        except graphviz.DrawingError as error:
            raise UsageError(str(error), "use -o leak.dot") from error
    note(f"picture of finding {finding} written to {output}")


def _find(files: list[str], number: int) -> Finding:
    from leakkit import store
    from leakkit.diagnose import diagnose

    report = diagnose([store.read(Path(name)) for name in files])
    if number > len(report.findings):
        raise UsageError(f"there is no finding {number}, only {len(report.findings)}", "see them: leakkit diagnose")
    return report.findings[number - 1]
