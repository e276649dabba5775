"""``leakkit verify`` as a user meets it: two series of real programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support import Target

from leakkit import store
from leakkit.capture.take import take_snapshot


def verify(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-P", "-m", "leakkit", "verify", *args], capture_output=True, text=True, timeout=200, check=False)


def series(program: str, folder: Path, name: str) -> list[str]:
    files = []
    with Target(program) as target:
        target.step(2)
        for number in range(3):
            target.step(2)
            files.append(str(folder / f"{name}-{number}.leak"))
            store.write(take_snapshot(target.pid), Path(files[-1]))
    return files


@pytest.mark.real
def test_before_and_after(tmp_path: Path) -> None:
    """A dict that grows against a cache with a time limit: delivered. Against itself: not, status 1. The other way round: inconclusive."""
    leaky, fixed = series("holders/module_dict.py", tmp_path, "leaky"), series("healthy/ttl_cache.py", tmp_path, "fixed")
    done = verify("--format", "json", *leaky, "--", *fixed)
    assert done.returncode == 0, done.stderr
    fields = json.loads(done.stdout)
    assert (fields["schema"], fields["verdict"], fields["yardstick"]) == ("leakkit-verify/1", "delivered", "growth")
    assert 0.7 < fields["ratio"] < 1.3
    assert fields["findings"][0]["fix"] == "drop"
    out = tmp_path / "verdict.txt"
    same = verify(*leaky, "--", *leaky, "-o", str(out))  # options may follow the separator
    assert same.returncode == 1
    assert out.read_text().startswith("not delivered: ")
    turned = verify(*fixed, "--", *leaky)
    assert turned.returncode == 0
    assert turned.stdout.startswith("inconclusive: ")


@pytest.mark.parametrize(("args", "hint"), [(("a.leak", "b.leak"), "--"), (("--", "b.leak"), "--"), (("a.leak", "--"), "--")])
def test_both_sides_are_needed(args: tuple[str, ...], hint: str) -> None:
    done = verify(*args)
    assert done.returncode == 2
    assert "give snapshots before the change" in done.stderr
    assert hint in done.stderr
