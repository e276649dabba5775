"""Programs that grow, shrink or are large for good reasons: no leak is reported."""

from __future__ import annotations

import pytest
from e2e.programs import Program, choose_interpreter, explain, programs, run


@pytest.mark.real
@pytest.mark.parametrize("program", programs("healthy"), ids=lambda program: program.id)
def test_no_leak_is_reported(program: Program) -> None:
    """The verdict is what the header expects, and no finding claims growth."""
    interpreter = choose_interpreter(program)
    assert interpreter is not None
    report, wrong = run(program, interpreter)
    assert not wrong, explain(program, interpreter, report, wrong)
