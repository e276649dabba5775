"""``leakkit whatif`` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from heap_dump import Dump
from support import Target

from leakkit import store
from leakkit.capture.take import take_snapshot


def whatif(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-P", "-m", "leakkit", "whatif", *args], capture_output=True, text=True, timeout=120, check=False)


def write(folder: Path) -> str:
    """Thirty payloads in a cache, twenty of them in an audit list as well; garbage; a view; waiting frames."""
    d = Dump()
    app = d.module("app", file="/srv/app/app.py")
    items = [d.bytes(100_000) for _ in range(30)]
    app["CACHE"] = d.dict({f"k{i}": item for i, item in enumerate(items)})
    app["AUDIT"] = d.list(*items[:20])
    app["HEAD"] = d.view(d.bytes(2_000_000), extent=64)
    d.cycle("app.Node", 3, payload=d.bytes(700_000))
    for number in range(3):
        d.task(f"conn-{number}", d.coroutine("handler", file="/srv/app/app.py", line=3, locals={"data": d.bytes(400_000)}))
    path = folder / "sample.leak"
    store.write(d.snapshot(check=False), path)
    return str(path)


def test_independent_retainers(tmp_path: Path) -> None:
    """Cutting the cache alone frees its own third; the list that holds the rest is named, and cutting the list frees nothing."""
    file = write(tmp_path)
    fields = json.loads(whatif(file, "--cut", "app.CACHE['*']", "--format", "json").stdout)
    assert fields["schema"] == "leakkit-whatif/1"
    assert fields["freed_bytes"] == 10 * 100_033
    assert fields["hoped_bytes"] == 30 * 100_033
    assert [(one["path_text"], one["count"], one["bytes"]) for one in fields["still_held"]] == [("app.AUDIT[*]", 20, 20 * 100_033)]
    text = whatif(file, "--cut", "app.AUDIT[*]").stdout
    assert "frees 0 B in 0 objects" in text
    assert "cutting this alone frees 0 B of 2.00 MB: 2.00 MB below it stay, also held by" in " ".join(text.split())
    assert "app.CACHE['*']" in text


@pytest.mark.parametrize(("fix", "least", "most"), [("collect", 700_000, 701_000), ("copy", 2_000_000, 2_001_000), ("hibernate", 1_200_000, 1_201_000)])
def test_fixes(tmp_path: Path, fix: str, least: int, most: int) -> None:
    """Each fix frees what it applies to and nothing else."""
    fields = json.loads(whatif(write(tmp_path), "--fix", fix, "--format", "json").stdout)
    assert least <= fields["freed_bytes"] <= most
    assert fields["still_held"] == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "say one thing to try"),
        (("--cut", "app.CACHE", "--fix", "copy"), "say one thing to try"),
        (("--cut", "app.CASH"), "nothing at 'app' is called '.CASH'"),
        (("--finding", "9"), "there is no finding 9"),
    ],
)
def test_usage_errors(tmp_path: Path, args: tuple[str, ...], message: str) -> None:
    """One line and a hint, status 2."""
    done = whatif(write(tmp_path), *args)
    assert done.returncode == 2
    assert message in done.stderr
    assert "hint: " in done.stderr


@pytest.mark.real
def test_findings_of_a_live_program(tmp_path: Path) -> None:
    """Cutting the first finding, and its holder by name, frees what the report said."""
    files = []
    with Target("holders/suspended_coroutine.py") as target:
        for number in range(3):
            target.step(1)
            files.append(str(tmp_path / f"{number}.leak"))
            store.write(take_snapshot(target.pid), Path(files[-1]))
    from leakkit.diagnose import diagnose

    first = diagnose([store.read(Path(name)) for name in files]).findings[0]
    by_number = json.loads(whatif(*files, "--finding", "1", "--format", "json").stdout)
    assert by_number["freed_bytes"] == first.fix.saving_bytes
    by_name = json.loads(whatif(files[-1], "--cut", first.holder.name, "--format", "json").stdout)
    assert 0.5 * first.fix.saving_bytes < by_name["freed_bytes"] <= first.fix.saving_bytes
