"""action.yml and the examples of docs/ci.md: valid for those who read them, and their shell really runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from leakkit.gate.budgets import parse_policy

ROOT = Path(__file__).parents[2]
SHOP = Path(__file__).parent / "shop"
GUIDE = (ROOT / "docs" / "ci.md").read_text()


def example(name: str) -> str:
    found = re.search(rf"<!-- example: {name} -->\n```\w+\n(.*?)```", GUIDE, re.DOTALL)
    assert found, name
    return found[1]


def validate(schema: str, file: Path) -> None:
    """Hold a file against a schema that check-jsonschema ships."""
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_action_is_valid() -> None:
    validate("vendor.github-actions", ROOT / "action.yml")


@pytest.mark.parametrize(("name", "schema"), [("github", "vendor.github-workflows"), ("gitlab", "vendor.gitlab-ci")])
def test_examples_are_valid(tmp_path: Path, name: str, schema: str) -> None:
    file = tmp_path / "example.yml"
    file.write_text(example(name))
    validate(schema, file)


def test_inputs_of_the_examples_exist() -> None:
    """The workflow uses inputs that the action has."""
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    steps = yaml.safe_load(example("github"))["jobs"]["gate"]["steps"]
    (use,) = [step["with"] for step in steps if step.get("uses", "").startswith("leakkit/")]
    assert set(use) <= set(action["inputs"])
    referred = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text()))
    assert referred == set(action["inputs"])


def test_configuration_of_the_guide_is_valid() -> None:
    """Every TOML block of the guide is a policy."""
    blocks = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        parse_policy(tomllib.loads(block)["tool"]["leakkit"], Path("pyproject.toml"))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "a shop"
    shutil.copytree(SHOP / "project", folder)
    return folder


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The tests' own Python first in PATH, nothing of the CI that runs these tests."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "CI_", "PYTEST_"))}
    return {**env, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **more}


@pytest.mark.real
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("variant", "status"), [("leaky", 1), ("fixed", 0)])
def test_the_gate_step_of_the_action(shop: Path, variant: str, status: int) -> None:
    """Its shell runs as GitHub runs it: the status is told and kept, and the reports are there."""
    shutil.copy(SHOP / "commits" / f"{variant}.py", shop / "shop" / "service.py")
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (step,) = [one for one in action["runs"]["steps"] if one.get("id") == "gate"]
    output = shop.parent / "output"
    env = environment(
        shop, GITHUB_OUTPUT=str(output), GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(shop.parent / "summary"), GITHUB_WORKSPACE=str(shop),
        LEAKKIT_PYTHON=sys.executable, LEAKKIT_ARGS="-- python -m pytest -q 'tests/test_service.py::test_price'", LEAKKIT_REPORTS="reports here", LEAKKIT_KEEP="true",
    )  # fmt: skip
    done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=shop, env=env, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    told = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert told["status"] == str(status)
    assert json.loads(Path(told["sarif"]).read_text())["version"] == "2.1.0"
    assert Path(told["junit"]).is_file()
    assert ("::error file=shop/service.py" in done.stderr) == (status == 1)
    assert ("leakkit gate: 1 of 1 check failed" in (shop.parent / "summary").read_text()) == (status == 1)
    assert any((shop / "reports here" / "snapshots").glob("*.leak")) == (status == 1)


@pytest.mark.real
@pytest.mark.timeout(900)
def test_the_plain_shell_example(shop: Path) -> None:
    """The script of the guide, on a suite of which one test leaks."""
    shutil.copy(SHOP / "commits" / "leaky.py", shop / "shop" / "service.py")
    script = example("shell").replace("-q tests", "-q tests/test_service.py::test_price")
    done = subprocess.run(["sh", "-c", script], cwd=shop, env=environment(shop), capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("memory regression: see above")
    assert {"leaks.xml", "leaks.sarif", "leaks.json"} <= {path.name for path in shop.iterdir()}
