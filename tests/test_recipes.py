"""Every variant of every recipe runs: diagnosed as its fix, repaired, and the prediction held against what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from leakkit.model import FixId
from leakkit.recipes.catalogue import choose, missing, read_recipes
from leakkit.recipes.model import Variant
from leakkit.recipes.running import run_variant
from leakkit.report import render
from leakkit.report.scores import render_score

RECIPES = Path(__file__).parents[1] / "recipes"
CHAPTERS = ("What it means", "Why it leaks", "How to recognise it in a report", "Example", "Use instead", "What it costs", "When not to use it", "Sources")
VARIANTS = choose(None)


def test_each_fix_has_a_recipe_with_three_variants() -> None:
    """There is one folder for each fix id and no other, and fifteen variants or more."""
    recipes = read_recipes()
    assert [recipe.fix for recipe in recipes] == sorted(fix.value for fix in FixId)
    assert min(len(recipe.variants) for recipe in recipes) >= 3
    assert len(VARIANTS) >= 15


@pytest.mark.parametrize("recipe", read_recipes(), ids=lambda recipe: recipe.fix)
def test_recipe_has_all_chapters(recipe) -> None:
    """The page says what it means, why it leaks, how to tell, what to do, what it costs and when not, in this order."""
    lines = recipe.text.splitlines()
    assert lines[0] == f"# {recipe.fix}: {recipe.title}"
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == list(CHAPTERS)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_variant_has_both_programs(variant: Variant) -> None:
    """A leaky and a fixed program that differ, a title and a text."""
    assert {"leaky.py", "fixed.py"} <= set(variant.files)
    assert variant.files["leaky.py"] != variant.files["fixed.py"]
    assert variant.title and variant.text
    for name, text in variant.files.items():
        compile(text, name, "exec")


def test_every_program_is_a_program_of_a_variant() -> None:
    """No folder is left out because it has no ``variant.toml``."""
    folders = {f"{path.parents[1].name}/{path.parent.name}" for path in RECIPES.glob("*/*/*.py")}
    assert folders == {variant.id for variant in VARIANTS}


@pytest.mark.real
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.id)
def test_recipe_delivers(variant: Variant) -> None:
    """The first finding names the fix, the fixed program is clean, and the saving is what was predicted."""
    assert not missing(variant), "pip install 'leakkit[test]' brings what the recipes need"
    score = run_variant(variant, lambda line: None)
    told = f"{render_score(score, width=100)}\n{render(score.leaky.report)}\n{render(score.fixed.report)}"
    assert score.failures == (), told
