"""The shared object leans on no library; its files stay small; the host reads line tables as CPython does."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from support import Interpreter

from leakkit.capture import native_lines

NATIVE = Path(__file__).parents[2] / "leakkit" / "native"


def test_the_object_needs_nothing(walk_object: Path) -> None:
    """No library, no undefined symbol: it loads into any libc."""
    listed = subprocess.run(
        ["readelf", "-d", "--dyn-syms", "-W", walk_object], capture_output=True, text=True, check=True
    ).stdout
    assert "NEEDED" not in listed
    symbols = [line.split() for line in listed.splitlines() if re.match(r"\s+\d+: ", line)][1:]
    assert {row[7] for row in symbols if row[6] == "UND"} == set()
    assert {row[7] for row in symbols} == {"lk_check", "lk_copy", "lk_count", "lk_pause", "lk_reap"}


@pytest.mark.parametrize("path", sorted((NATIVE / "walk").iterdir()), ids=lambda path: path.name)
def test_files_are_small_and_say_what_they_are(path: Path) -> None:
    """At most 400 lines, a heading, and no function longer than 50 lines."""
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    assert text.startswith("/* ")
    for body in re.findall(r"^[a-z].*\)\n\{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE):
        assert body.count("\n") <= 50, body[:80]


SHOW = """
import json, sys, json.decoder, dis
found = []
def walk(code):
    table = code.co_linetable if hasattr(code, "co_linetable") else code.co_lnotab
    lines, now = [], None
    if hasattr(code, "co_lines"):
        for start, end, line in code.co_lines():
            lines += [line or 0] * ((end - start) // 2)
    else:
        starts = dict(dis.findlinestarts(code))
        for at in range(0, len(code.co_code), 2):
            now = starts.get(at, now)
            lines.append(now)
    found.append([list(table), code.co_firstlineno, lines])
    for item in code.co_consts:
        if type(item) is type(code):
            walk(item)
walk(compile(open(json.decoder.__file__).read(), "x", "exec"))
json.dump(found, sys.stdout)
"""


def test_lines_are_those_that_the_interpreter_tells(interpreter: Interpreter) -> None:
    """Every instruction of a module, in the line table of that version."""
    done = subprocess.run([*interpreter.argv, "-c", SHOW], capture_output=True, text=True, check=True)
    style = {9: native_lines.LNOTAB, 10: native_lines.LINE_TABLE}.get(interpreter.minor[1], native_lines.LOCATIONS)
    rows = json.loads(done.stdout)
    assert len(rows) > 10
    for table, first, lines in rows:
        told = [native_lines.line_at(bytes(table), first, 2 * at, style) for at in range(len(lines))]
        assert told == lines


def test_a_damaged_line_table_does_no_harm() -> None:
    """Any bytes give a number."""
    for style in (native_lines.LNOTAB, native_lines.LINE_TABLE, native_lines.LOCATIONS):
        for table in (b"", b"\x00", b"\xff" * 7, b"\x70\x7f", bytes(range(256))):
            assert isinstance(native_lines.line_at(table, 1, 10, style), int)
