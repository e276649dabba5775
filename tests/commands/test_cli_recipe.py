"""``leakkit recipe`` prints what ships with the package."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-P", "-m", "leakkit", "recipe", *arguments], capture_output=True, text=True, timeout=60, cwd="/")


def test_lists_the_five_fixes() -> None:
    """Without a name every recipe is listed, one a line."""
    names = [line.split(":")[0] for line in run().stdout.splitlines()]
    assert names == ["collect", "copy", "drop", "hibernate", "isolate"]


@pytest.mark.parametrize("name", ["collect", "copy", "drop", "hibernate", "isolate"])
def test_prints_recipe_and_programs(name: str) -> None:
    """Each recipe has its sections, and two programs that compile."""
    text = run(name).stdout
    for heading in ("What it does", "Why is this bad", "Example", "Use instead", "What it costs", "How leakkit tells"):
        assert f"## {heading}\n" in text
    for program in ("leaky", "fixed"):
        compile(run(name, "--program", program).stdout, program, "exec")


def test_unknown_recipe_names_the_others() -> None:
    """A wrong name is a usage error that lists the right ones."""
    done = run("cook")
    assert done.returncode == 2
    assert "collect, copy, drop, hibernate, isolate" in done.stderr


def test_full_disk_is_one_line() -> None:
    """Where stdout cannot be written the error says so, once."""
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-P", "-m", "leakkit", "recipe"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, cwd="/")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "leakkit: cannot write to stdout: No space left on device"
