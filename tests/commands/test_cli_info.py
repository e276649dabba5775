"""``leakkit info``: what is inside a snapshot file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from heap_dump import Dump
from report.samples import HOSTILE

from leakkit import store
from leakkit.report.info import render_info


def write_sample(folder: Path) -> Path:
    """A snapshot file with a known heap."""
    dump = Dump()
    app = dump.module("app", file="/srv/app/app.py")
    app["CACHE"] = cache = dump.dict()
    for number in range(100):
        cache[f"key{number}"] = dump.bytes(10_000)
    dump.task("conn", dump.coroutine("handler", file="/srv/app/app.py", line=3, locals={"x": dump.bytes(5000)}))
    dump.instance("app." + HOSTILE)
    dump.hold(dump.instance("app." + HOSTILE, size=90_000))
    path = folder / "sample.leak"
    store.write(dump.snapshot(check=False, warnings=("careful: " + HOSTILE,)), path)
    return path


def info(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-P", "-m", "leakkit", "info", *args], capture_output=True, text=True, timeout=60, check=False)


def test_json_facts(tmp_path: Path) -> None:
    """The figures are those of the snapshot, each under a name that says its unit."""
    path = write_sample(tmp_path)
    done = info(str(path), "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    snapshot = store.read(path)
    assert facts["heap"]["objects"] == snapshot.graph.node_count
    assert facts["heap"]["references"] == snapshot.graph.edge_count
    assert facts["heap"]["heap_bytes"] == int(snapshot.graph.size.sum())
    assert facts["snapshot"]["size_bytes"] == path.stat().st_size
    assert facts["target"]["pid"] == 4242
    assert facts["types"][0]["name"] == "bytes"
    assert facts["types"][0]["count"] == 101
    assert facts["types"][0]["bytes"] >= 1_005_000
    assert facts["heap"]["roots"]["task"] == 1
    assert sum(section["stored_bytes"] for section in facts["sections"]) <= path.stat().st_size
    assert done.stderr == ""


def test_text(tmp_path: Path) -> None:
    """Groups of facts and two tables, at most 80 columns wide, harmless on a terminal."""
    done = info(str(write_sample(tmp_path)))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for title in ("Snapshot", "Target", "Heap", "Collector", "Memory", "Sections of the file"):
        assert title in lines
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.stdout
    assert "\\x1b[2J" in done.stdout


def test_values_read_as_people_read_them() -> None:
    """Units, unknown values, lists and counts."""
    group = {"pid": 12345, "rss_bytes": 1_500_000, "pause_seconds": 0.018, "trimmable_bytes": None, "enabled": True, "thresholds": [700, 10, 10], "objects": 1_203_322}
    facts = {name: {} for name in ("target", "collector", "memory")} | {"snapshot": group, "heap": {"heap_bytes": 1}, "types": [], "mappings": [], "sections": [], "disclosures": [], "warnings": []}
    text = render_info(facts, color=False, width=80)
    assert (
        text.split("\n\n")[0]
        == """\
Snapshot
  pid                 12345
  rss                 1.50 MB
  pause               18 ms
  trimmable           not known
  enabled             yes
  thresholds          700, 10, 10
  objects             1,203,322"""
    )


@pytest.mark.parametrize("cut", [10, 200, -20])
def test_truncated_file(tmp_path: Path, cut: int) -> None:
    """A damaged file is one line and status 4."""
    path = write_sample(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    done = info(str(path))
    assert done.returncode == 4
    assert done.stderr.startswith("leakkit: ")
