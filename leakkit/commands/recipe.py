"""``leakkit recipe``: how to apply one of the five fixes."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leakkit.commands._console import emit
from leakkit.errors import UsageError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def recipe(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The recipe a finding names.")] = None,
    program: Annotated[str, typer.Option("--program", metavar="leaky|fixed", help="Print that program instead.")] = "",
) -> None:
    """Print a recipe: what the fix does, why, an example, what it costs.

    Without a name, list the recipes.

    \b
    leakkit recipe
    leakkit recipe hibernate
    leakkit recipe hibernate --program fixed
    """  # noqa: D301 - \b is click's mark for "do not rewrap"
    folder = _folder()
    found = sorted(entry.name for entry in folder.iterdir() if entry.joinpath("recipe.md").is_file())
    if name is None:
        titles = [folder.joinpath(one, "recipe.md").read_text(encoding="utf-8").splitlines()[0] for one in found]
        emit("".join(f"{title.removeprefix('# ')}\n" for title in titles))
        return
    if name not in found:
        raise UsageError(f"there is no recipe {name!r}", f"choose one of {', '.join(found)}")
    if program not in {"", "leaky", "fixed"}:
        raise UsageError(f"a recipe has no program {program!r}", "choose leaky or fixed")
    file = f"{program}.py" if program else "recipe.md"
    emit(folder.joinpath(name, file).read_text(encoding="utf-8"))


def all_recipes() -> dict[str, str]:
    """The text of each recipe by its name."""
    folder = _folder()
    files = {entry.name: entry.joinpath("recipe.md") for entry in folder.iterdir()}
    return {name: file.read_text(encoding="utf-8") for name, file in sorted(files.items()) if file.is_file()}


def _folder() -> Traversable:
    """The recipes of the installed wheel, or of the checkout."""
    installed = resources.files("leakkit").joinpath("_recipes")
    return installed if installed.is_dir() else Path(__file__).parents[2] / "recipes"
