"""Reads the recipes: a folder for each fix, in it a folder for each variant."""

from __future__ import annotations

import importlib.util
import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from leakkit.errors import UsageError
from leakkit.recipes.model import Promise, Recipe, Variant

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

LOAD = "load.py"
"""A variant that has this file is a server: that program makes its load."""

_IMPORTED_AS = {"beautifulsoup4": "bs4"}
"""Distributions whose package has another name."""


def folder() -> Traversable:
    """The recipes of the installed wheel, or of the checkout."""
    installed = resources.files("leakkit").joinpath("_recipes")
    return installed if installed.is_dir() else Path(__file__).parents[2] / "recipes"


def driver_text() -> str:
    """The program that puts the load on both programs of a variant."""
    return folder().joinpath("drive.py").read_text(encoding="utf-8")


def read_recipes() -> tuple[Recipe, ...]:
    """All recipes, by name."""
    found = (entry for entry in folder().iterdir() if entry.joinpath("recipe.md").is_file())
    return tuple(_read_recipe(entry) for entry in sorted(found, key=lambda entry: entry.name))


def _read_recipe(entry: Traversable) -> Recipe:
    text = entry.joinpath("recipe.md").read_text(encoding="utf-8")
    title = text.splitlines()[0].removeprefix(f"# {entry.name}: ")
    inside = (one for one in entry.iterdir() if one.is_dir() and one.joinpath("variant.toml").is_file())
    variants = (_read_variant(entry.name, one) for one in sorted(inside, key=lambda one: one.name))
    return Recipe(entry.name, title, text, tuple(variants))


def _read_variant(fix: str, entry: Traversable) -> Variant:
    about = tomllib.loads(entry.joinpath("variant.toml").read_text(encoding="utf-8"))
    return Variant(
        fix=fix,
        name=entry.name,
        title=about["title"],
        text=about["text"].strip(),
        promise=Promise(about.get("promise", "memory")),
        needs=tuple(about.get("needs", ())),
        operations=about["operations"],
        files={one.name: one.read_text(encoding="utf-8") for one in entry.iterdir() if one.name.endswith(".py")},
    )


def choose(name: str | None) -> tuple[Variant, ...]:
    """The variants that ``FIX`` or ``FIX/VARIANT`` names; all of them without a name.

    Raises:
        UsageError: there is no such recipe or variant.
    """
    recipes = read_recipes()
    if name is None:
        return tuple(variant for recipe in recipes for variant in recipe.variants)
    fix, _, rest = name.partition("/")
    recipe = find(fix, recipes)
    if not rest:
        return recipe.variants
    chosen = tuple(variant for variant in recipe.variants if variant.name == rest)
    if not chosen:
        names = ", ".join(variant.name for variant in recipe.variants)
        raise UsageError(f"recipe {fix} has no variant {rest!r}", f"choose one of {names}")
    return chosen


def find(fix: str, recipes: tuple[Recipe, ...]) -> Recipe:
    """The recipe of a fix.

    Raises:
        UsageError: there is no such recipe.
    """
    for recipe in recipes:
        if recipe.fix == fix:
            return recipe
    raise UsageError(f"there is no recipe {fix!r}", f"choose one of {', '.join(recipe.fix for recipe in recipes)}")


def missing(variant: Variant) -> tuple[str, ...]:
    """Distributions that a variant needs and this Python does not have."""
    return tuple(name for name in variant.needs if importlib.util.find_spec(_IMPORTED_AS.get(name, name)) is None)
