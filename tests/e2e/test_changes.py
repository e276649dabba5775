"""The snippet of a finding is applied to the program, which runs again: the change must deliver what was predicted."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from e2e.programs import HERE, Program, choose_interpreter, observe, read_program
from support import Interpreter, python

from leakkit.diagnose import diagnose
from leakkit.diagnose.verify import verify
from leakkit.model import Snippet
from leakkit.outcomes import Delivery
from leakkit.patch import Sources

PROGRAMS = [
    "module_dict", "module_list", "module_nested", "class_attribute", "class_attribute_dict", "closure", "closure_decorator", "instance_attribute", "instance_attribute_nested",
    "running_frame", "running_frame_thread", "default_argument", "lru_cache_unbounded", "finished_tasks", "kept_exception", "kept_traceback", "numpy_view",
    "re_match", "tree_string", "pandas_tail", "suspended_coroutine_steady", "suspended_coroutine", "cycle_exception", "cycle_parent_child", "gc_disabled",
]  # fmt: skip
SMALLER = 40
"""The limit put in place of the example's: these programs stop after some hundred entries."""


def apply(program: Program, change: Snippet, folder: Path) -> Program:
    """The program with the change made, in a file of its own."""
    text = program.path.read_text()
    assert text.count(change.before) == 1
    after = change.after
    for limit in (1024, 512, 256, 128, 64):
        after = after.replace(f"> {limit}:", f"> {SMALLER}:").replace(f":-{limit}]", f":-{SMALLER}]").replace(f"maxsize={limit})", f"maxsize={SMALLER})")
    imports = "".join(f"import {name}\n" for name in ("weakref", "traceback", "functools") if f"`import {name}`" in change.note)
    path = folder / program.path.name
    path.write_text(imports + text.replace(change.before, after))
    return dataclasses.replace(program, path=path)


def find(program: Program, interpreter: Interpreter, root: str = ""):
    """(snapshots, the first finding with its change)."""
    snapshots = observe(program, interpreter)
    report = diagnose(snapshots, sources=Sources(root, snapshots[-1].process.started_at))
    return snapshots, report.findings[0]


@pytest.mark.real
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_change_delivers(name: str, tmp_path: Path) -> None:
    program = read_program(HERE / "holders" / f"{name}.py")
    interpreter = choose_interpreter(program)
    if interpreter is None:
        pytest.skip("no Python for it on this machine")
    before, finding = find(program, interpreter)
    assert finding.fix.snippet is not None, finding
    assert finding.fix.snippet.file == str(program.path)
    assert f"{program.path}:" in finding.fix.how
    after = observe(apply(program, finding.fix.snippet, tmp_path), interpreter)
    found = verify(before, after, finding=1)
    assert found.verdict == Delivery.DELIVERED, found


@pytest.mark.real
def test_views_inside_of_what_a_function_made() -> None:
    """Where the views are stored in a dict that a function returns, no copy at this place would do: no snippet."""
    program = read_program(HERE / "holders" / "memoryview_slice.py")
    _, finding = find(program, choose_interpreter(program))
    assert finding.fix.snippet is None


@pytest.mark.real
def test_source_is_read_through_the_targets_root() -> None:
    """A target that sees other files: its source is found below its root, and only there."""
    interpreter = next((p for v in ("3.15", "3.14") if (p := python(v)) and p.root), None)
    if interpreter is None:
        pytest.skip("no target with another root on this machine")
    from support import Target

    from leakkit.capture.processes import root_of
    from leakkit.capture.take import take_snapshot

    with Target("holders/module_list.py", interpreter) as target:
        taken = []
        for _ in range(3):
            target.step(2)
            taken.append(take_snapshot(target.pid))
        root = root_of(target.pid)
        assert root
        finding = diagnose(taken, sources=Sources(root, taken[-1].process.started_at)).findings[0]
        assert finding.fix.snippet is not None
        assert "del AUDIT_TRAIL[:-" in finding.fix.snippet.after
        assert diagnose(taken, sources=Sources("", taken[-1].process.started_at)).findings[0].fix.snippet is None
