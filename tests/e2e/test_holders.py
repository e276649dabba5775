"""One real program for each kind of holder: right class, right holder, right fix in the first finding."""

from __future__ import annotations

import zlib

import pytest
from e2e.programs import Program, choose_interpreter, explain, own_interpreter, programs, run
from support import Interpreter, find_pythons

PROGRAMS = programs("holders")
OTHERS = [p for p in find_pythons() if p.minor != own_interpreter().minor]
SHARE = 6
"""Every other version runs so many of the programs."""


def rotated() -> list[tuple[Program, Interpreter]]:
    """For each other version a different choice of programs, the same in every run."""
    chosen = []
    for interpreter in OTHERS:
        able = [program for program in PROGRAMS if program.runs_on(interpreter)]
        able.sort(key=lambda program: zlib.crc32(f"{interpreter.minor} {program.id}".encode()))
        chosen += [(program, interpreter) for program in able[:SHARE]]
    return chosen


@pytest.mark.real
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.id)
def test_holder_is_found(program: Program) -> None:
    """The first finding has the retention class, holder, name and fix that the program's header expects."""
    interpreter = choose_interpreter(program)
    if interpreter is None:
        pytest.skip(f"no Python{''.join(program.python)} on this machine")
    report, wrong = run(program, interpreter)
    assert not wrong, explain(program, interpreter, report, wrong)


@pytest.mark.real
@pytest.mark.parametrize(("program", "interpreter"), rotated(), ids=lambda value: value.id)
def test_holder_is_found_on_other_versions(program: Program, interpreter: Interpreter) -> None:
    """The same on every other Python of this machine, each with its own choice of programs."""
    report, wrong = run(program, interpreter)
    assert not wrong, explain(program, interpreter, report, wrong)
