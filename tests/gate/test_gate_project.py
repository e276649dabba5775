"""A small FastAPI service with its own test suite: a commit brings a leak, the gate stops it, and lets the repair pass."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

SHOP = Path(__file__).parent / "shop"
pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


class Project:
    """A git repository with the shop; each step is a commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(SHOP / "project", folder)
        self.git("init", "-q")
        self.commit("good")

    def git(self, *words: str) -> None:
        identity = ("-c", "user.name=shop", "-c", "user.email=shop@shop.example")
        subprocess.run(["git", *identity, *words], cwd=self.folder, check=True, capture_output=True)

    def commit(self, variant: str) -> None:
        shutil.copy(SHOP / "commits" / f"{variant}.py", self.folder / "shop" / "service.py")
        self.git("add", "-A")
        self.git("commit", "-qm", variant)

    def suppress(self, entry: str) -> None:
        """The project's own suppressions and one more."""
        original = (SHOP / "project" / "pyproject.toml").read_text()
        (self.folder / "pyproject.toml").write_text(original.replace("suppress = [\n", f"suppress = [\n  {{ {entry} }},\n"))

    def run(self, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "PYTEST_", "CI_"))}
        return subprocess.run(
            [sys.executable, "-P", "-m", *words], cwd=self.folder, capture_output=True, text=True, timeout=600, check=False, env={**environment, **(env or {})}
        )

    def gate(self, *options: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-q", "tests/test_service.py::test_price"]
        return self.run("leakkit", "gate", *options, "--", *command, env=env)

    def line_of(self, text: str) -> int:
        lines = (self.folder / "shop" / "service.py").read_text().splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "shop")


def test_a_commit_that_leaks_is_stopped_and_its_repair_passes(project: Project) -> None:
    """Passes before; fails after with the line, the holder and the fix, in every output; passes again."""
    before = project.gate()
    assert before.returncode == 0, before.stdout + before.stderr
    assert "leakkit gate: 1 check passed" in before.stdout

    project.commit("leaky")
    summary = project.folder / "summary.md"
    summary.touch()
    after = project.gate(
        "--report", "junit=leaks.xml", "--report", "leaks.sarif", "--report", "gitlab=quality.json", "--report", "leaks.json",
        env={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": str(project.folder)},
    )  # fmt: skip
    assert after.returncode == 1, after.stdout + after.stderr
    line = project.line_of("audit_trail: list")
    assert "shop.service.audit_trail" in after.stdout
    assert f"service.py:{line}" in after.stdout
    assert "fix        drop" in after.stdout
    assert f"shop/service.py:{project.line_of('audit_trail.append')}" in "".join(after.stdout.split())

    (result, *_) = json.loads((project.folder / "leaks.sarif").read_text())["runs"][0]["results"]
    assert result["ruleId"] == "leakkit-drop"
    assert result["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "shop/service.py", "uriBaseId": "%SRCROOT%"}, "region": {"startLine": line}}
    assert f"::error file=shop/service.py,line={line}," in after.stderr
    assert "shop.service.audit" in summary.read_text()
    assert json.loads((project.folder / "quality.json").read_text())[0]["location"] == {"path": "shop/service.py", "lines": {"begin": line}}
    failure = ET.parse(project.folder / "leaks.xml").find(".//failure")
    assert failure is not None
    assert "audit_trail" in (failure.text or "")
    assert json.loads((project.folder / "leaks.json").read_text())["outcome"] == "regression"

    project.commit("fixed")
    fixed = project.gate()
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr


def test_baseline_flow(project: Project) -> None:
    """What leaks today is written down and known from then on, for the plugin too; once it is gone, its removal is asked for."""
    project.commit("leaky")
    written = project.gate("--update")
    assert written.returncode == 0, written.stdout + written.stderr
    baseline = json.loads((project.folder / "leakkit-baseline.json").read_text())
    (subject,) = baseline["subjects"]
    assert subject == "tests/test_service.py::test_price"
    assert "shop.service.audit_trail" in {one["holder"] for one in baseline["subjects"][subject]["findings"]}
    assert "0x" not in (project.folder / "leakkit-baseline.json").read_text()

    known = project.gate()
    assert known.returncode == 0, known.stdout + known.stderr
    assert "note: known: shop.service.audit_trail" in known.stdout

    alone = project.run("pytest", "-q", "--leakkit", "tests/test_service.py::test_price")
    assert alone.returncode == 0, alone.stdout + alone.stderr

    project.commit("fixed")
    gone = project.gate()
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert "gone: shop.service.audit_trail" in gone.stdout
    assert "--update" in gone.stdout
    assert project.gate("--update").returncode == 0
    assert "audit_trail" not in (project.folder / "leakkit-baseline.json").read_text()


def test_suppression_flow(project: Project) -> None:
    """A suppression with a reason lets the leak pass, says so, and is reported when it has expired or nobody needs it."""
    project.commit("leaky")
    project.suppress('path = "shop.service.audit_*", reason = "moves to the database in May", expires = 2999-01-01')
    passed = project.gate()
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "suppressed until 2999-01-01" in passed.stdout
    assert "moves to the database in May" in passed.stdout

    project.suppress('path = "shop.service.audit_*", reason = "moves to the database in May", expires = 2020-01-01')
    expired = project.gate()
    assert expired.returncode == 1
    assert "expired on 2020-01-01" in " ".join(expired.stdout.split())

    project.commit("fixed")
    project.suppress('path = "shop.service.audit_*", reason = "moves to the database in May"')
    unused = project.gate()
    assert unused.returncode == 0
    assert "is unused: remove it" in " ".join(unused.stdout.split())

    project.suppress('path = "shop.service.audit_*"')
    broken = project.gate()
    assert broken.returncode == 2
    assert "has no reason" in broken.stderr
