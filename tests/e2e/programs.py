"""Runs the target programs, takes their snapshots, and compares the diagnosis with what their header expects."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from report_schema import validate
from support import Interpreter, Target, find_pythons

from leakkit.capture.take import take_snapshot
from leakkit.diagnose import diagnose
from leakkit.report import render

if TYPE_CHECKING:
    from leakkit.model import Finding, Report
    from leakkit.snapshot_model import Snapshot

HERE = Path(__file__).parents[1] / "targets"
KINDS = ("retention", "holder", "fix", "verdict")


@dataclass(frozen=True)
class Program:
    """A target program and what its ``# expect:`` lines say; a value may list alternatives with ``|``."""

    path: Path
    expect: dict[str, str]
    python: tuple[str, ...] = field(default=())
    """Conditions such as ``>=3.12``."""

    @property
    def id(self) -> str:
        return self.path.stem

    def runs_on(self, interpreter: Interpreter) -> bool:
        """Whether the header allows that version; programs that need a package run on the tests' own Python only."""
        if "needs" in self.expect and interpreter.argv != (sys.executable,):
            return False
        tests = {">=": lambda a, b: a >= b, "<": lambda a, b: a < b}
        for condition in self.python:
            match = re.fullmatch(r"(>=|<)(\d+)\.(\d+)", condition)
            assert match, f"{self.path}: python{condition}"
            if not tests[match[1]](interpreter.minor, (int(match[2]), int(match[3]))):
                return False
        return True

    def wants(self, name: str) -> list[str]:
        """The accepted values of one entry."""
        return self.expect[name].split("|")


def read_program(path: Path) -> Program:
    """Parse the header of one program."""
    expect: dict[str, str] = {}
    python: list[str] = []
    for line in path.read_text().splitlines():
        if not line.startswith("# expect:"):
            continue
        for word in shlex.split(line.removeprefix("# expect:")):
            if word.startswith("python"):
                python.append(word.removeprefix("python"))
            else:
                name, _, value = word.partition("=")
                expect[name] = value
    return Program(path, expect, tuple(python))


def programs(folder: str) -> list[Program]:
    """All programs of a folder below ``targets``, by name."""
    return [read_program(path) for path in sorted((HERE / folder).glob("*.py"))]


def own_interpreter() -> Interpreter:
    """The Python that runs the tests."""
    return Interpreter(".".join(map(str, sys.version_info[:3])), (sys.executable,))


def choose_interpreter(program: Program) -> Interpreter | None:
    """The tests' own Python, or the oldest other one that the header allows."""
    return next((p for p in (own_interpreter(), *find_pythons()) if program.runs_on(p)), None)


def observe(program: Program, interpreter: Interpreter) -> list[Snapshot]:
    """Run a program and snapshot it: ``warm`` rounds first, then ``step`` rounds before each further snapshot (two unless given)."""
    count = int(program.expect["snapshots"])
    with Target(program.path, interpreter) as target:
        target.step(int(program.expect.get("warm", "2")))
        snapshots = [take_snapshot(target.pid)]
        for _ in range(count - 1):
            target.step(int(program.expect.get("step", "2")))
            snapshots.append(take_snapshot(target.pid))
        assert target.alive()
        assert target.stderr == "", f"the target wrote to stderr: {target.stderr}"
    return snapshots


def run(program: Program, interpreter: Interpreter) -> tuple[Report, list[str]]:
    """Diagnose a program; the report and what is wrong with it."""
    report = diagnose(observe(program, interpreter))
    validate(report)
    wrong = []
    if report.verdict.value not in program.wants("verdict"):
        wrong.append(f"verdict {report.verdict.value}, expected {program.expect['verdict']}")
    if "holder" in program.expect:
        wrong += check_finding(program, report)
    if "not-leak" in program.expect:
        wrong += check_observations(program, report)
    return report, wrong


def check_finding(program: Program, report: Report) -> list[str]:
    """Compare the first finding with the header."""
    if not report.findings:
        return ["no finding"]
    finding = report.findings[0]
    got = {"retention": finding.retention.value, "holder": finding.holder.kind.value, "fix": finding.fix.id.value}
    wrong = [f"{name} {got[name]}, expected {program.expect[name]}" for name in got if got[name] not in program.wants(name)]
    named = f"{finding.holder.name} {finding.path_text}"
    if "name" in program.expect and not any(name in named for name in program.wants("name")):
        wrong.append(f"{program.expect['name']!r} is neither in {finding.holder.name!r} nor in {finding.path_text!r}")
    return wrong + check_place(program, finding)


def check_place(program: Program, finding: Finding) -> list[str]:
    """``file=self``: the holder's file is the program; ``at=text``: the holder's line has that text."""
    wrong = []
    file, line = finding.holder.file, finding.holder.line
    if program.expect.get("file") == "self" and Path(file or "").name != program.path.name:
        wrong.append(f"file {file}, expected {program.path.name}")
    if "at" in program.expect:
        source = program.path.read_text().splitlines()
        text = source[line - 1] if line and line <= len(source) else ""
        if not any(want in text for want in program.wants("at")):
            wrong.append(f"line {line} is {text!r}, expected one with {program.expect['at']!r}")
    return wrong


def check_observations(program: Program, report: Report) -> list[str]:
    """``not-leak=name``: the report explains that large thing as no leak."""
    texts = [f"{seen.title} {seen.path_text} {seen.why}" for seen in report.not_leaks]
    if any(name in text for name in program.wants("not-leak") for text in texts):
        return []
    return [f"no observation names {program.expect['not-leak']!r}: {texts}"]


def explain(program: Program, interpreter: Interpreter, report: Report, wrong: list[str]) -> str:
    """Message of a failing test: what is wrong, then the whole report."""
    lines = "\n".join(f"  - {reason}" for reason in wrong)
    return f"{program.id} on {interpreter.id}:\n{lines}\n\n{render(report, 'text')}"
