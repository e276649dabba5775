"""Keeps the rooms apart: who may import whom, how long a module and a function may be, what may be printed where."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "leakkit"
MODULES = sorted(PACKAGE.rglob("*.py"))

CENTRAL = {"", "errors", "model", "outcomes", "probe_model", "snapshot_model"}
MAY_IMPORT = {
    "": set(),
    "__main__": {"commands"},
    "errors": set(),
    "model": set(),
    "outcomes": {"model"},
    "probe_model": set(),
    "snapshot_model": {"probe_model"},
    "store": {"errors", "snapshot_model", "probe_model"},
    "capture": {"", "errors", "snapshot_model", "probe_model", "store", "native"},
    "native": set(),
    "heap": {"errors", "snapshot_model", "native"},
    "patch": {"model"},
    "diagnose": {"", "errors", "snapshot_model", "probe_model", "model", "outcomes", "heap", "patch"},
    "report": {"", "errors", "model", "outcomes", "gate", "recipes"},
    "recipes": {"", "errors", "snapshot_model", "model", "capture", "diagnose", "patch"},
    "gate": {"", "errors", "snapshot_model", "model", "store", "capture", "heap", "native", "diagnose"},
    "pytest_plugin": {"errors", "gate", "report"},
    "demo": set(),
    "agent": set(),
    "commands": {"", "errors", "snapshot_model", "probe_model", "model", "outcomes", "store", "capture", "heap", "native", "patch", "diagnose", "report", "gate", "demo", "recipes"},
}
"""Room to the rooms it may import (itself is always allowed)."""

FENCED = {
    "typer": {"commands"},
    "click": {"commands"},
    "rich": set(),
    "memray": {"capture/allocations.py", "agent/window.py", "gate/peak.py"},
    "objgraph": {"agent/second.py"},
    "guppy": {"agent/second.py"},
    "tabulate": {"report"},
    "igraph": {"heap/plain_dominators.py"},
    "elftools": {"capture"},
    "zstandard": {"store"},
    "websockets": {"demo"},
    "cattrs": {"gate/wire.py"},
    "pytest": {"pytest_plugin", "gate/in_pytest.py", "gate/pytest_tidy.py"},
}
"""Third-party package to the rooms, or the one file, that may import it."""


def room(path: Path) -> str:
    """The room of a module: its first folder, or its own name at the top."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py").replace("__init__", "") if len(parts) == 1 else parts[0]


def imports(path: Path) -> set[str]:
    """Every module that a file imports anywhere, by absolute name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = ("leakkit", *path.relative_to(PACKAGE).parts)[: -node.level]
                base = ".".join([*parts, base]).rstrip(".")
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_rooms_import_only_downwards(path: Path) -> None:
    """A module imports only its own room and the rooms its row allows."""
    own = room(path)
    seen = set()
    for module in imports(path):
        if module.split(".")[0] != "leakkit":
            continue
        parts = module.split(".")
        seen.add(parts[1] if len(parts) > 1 else "")
    known = {room(module) for module in MODULES}
    assert (seen & known) - {own, ""} <= MAY_IMPORT[own]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_third_party_packages_stay_in_their_room(path: Path) -> None:
    """Each fenced package is imported only where it belongs."""
    for module in imports(path):
        package = module.split(".")[0]
        if package in FENCED:
            assert room(path) in FENCED[package] or name(path) in FENCED[package], f"{package} in {name(path)}"


def test_nobody_imports_the_agent() -> None:
    """The agent runs in targets only; the host ships its text."""
    users = [name(path) for path in MODULES if room(path) != "agent" and any(m.startswith("leakkit.agent") for m in imports(path))]
    assert users == []


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) == "agent"], ids=name)
def test_the_agent_needs_only_the_standard_library(path: Path) -> None:
    """Targets need not have anything installed."""
    import sys

    allowed = set(sys.stdlib_module_names) | {"leakkit", "_typeshed"}
    lent = {"window.py": {"memray"}, "second.py": {"objgraph", "guppy"}}
    allowed |= lent.get(path.name, set())
    assert {module.split(".")[0] for module in imports(path)} - {""} <= allowed


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_and_functions_stay_small(path: Path) -> None:
    """A module has at most 400 lines, a function at most 50 below its signature, which for a command lists its options."""
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.body[0].lineno < 50, node.name


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) not in {"commands", "agent", "demo"}], ids=name)
def test_only_commands_print(path: Path) -> None:
    """Data goes out in one place."""
    calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]


def test_reading_a_snapshot_executes_nothing() -> None:
    """The store uses no serialiser that can run code."""
    for path in (PACKAGE / "store").glob("*.py"):
        names = {module.split(".")[0] for module in imports(path)}
        assert names.isdisjoint({"pickle", "marshal", "shelve", "dill", "importlib"})
        assert not re.search(r"allow_pickle\s*=\s*True|\beval\(|\bexec\(", path.read_text())


def public(tree: ast.Module) -> list[ast.stmt]:
    """Public functions, classes and methods of a module."""
    found: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            found.append(node)
            if isinstance(node, ast.ClassDef):
                found += [m for m in node.body if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef) and not m.name.startswith("_")]
    return found


@pytest.mark.parametrize("path", [p for p in MODULES if room(p) != "agent"], ids=name)
def test_public_names_are_documented(path: Path) -> None:
    """Every module, public class, function and method has a docstring."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    assert [getattr(n, "name", "") for n in public(tree) if not ast.get_docstring(n)] == []  # type: ignore[arg-type]
