"""Changes in the target's source, found through a whole diagnosis, and what is said where the code is a library's."""

from __future__ import annotations

from pathlib import Path

from heap_dump import Dump
from series import grow

from leakkit.diagnose import diagnose
from leakkit.patch import Sources

LIBRARY = "/usr/lib/python3.11/site-packages/soup"


def taken(dump: Dump, step, snapshots: int = 3, **facts):
    found = []
    for number in range(snapshots):
        step(number)
        found.append(dump.snapshot(**facts))
    return found


def dead_trees(dump: Dump, number: int) -> None:
    for _ in range(40):
        tree = dump.tree("soup.Tag", 3, payload=dump.bytes(60_000))
        tree.set(number=dump.none())


def library() -> Dump:
    dump = Dump()
    dump.module("app", file="/srv/app.py")
    dump.module("soup", file=f"{LIBRARY}/__init__.py")
    dump.distribution("soup", "4.12", LIBRARY)
    return dump


def test_a_librarys_cycle_is_taken_apart_by_its_own_method() -> None:
    """The class's own decompose() with its place; without one, collecting is what is left."""
    for method in ("decompose", ""):
        dump = library()
        if method:
            dump.function(f"Tag.{method}", module="soup", file=f"{LIBRARY}/__init__.py", line=77, bind=True)
        how = grow(dump, lambda number: dead_trees(dump, number)).findings[0].fix.how
        assert "is made by soup 4.12, whose code is not the application's to change" in how
        assert "weakref" not in how
        assert (f"call `Tag.decompose()` ({LIBRARY}/__init__.py:77)" in how) == bool(method)
        assert "gc.collect()" in how


def test_whose_cycle_it_is_does_not_matter_where_the_collector_is_off() -> None:
    dump = library()
    report = grow(dump, lambda number: dead_trees(dump, number), collector={"enabled": False})
    assert "call gc.enable()" in report.findings[0].fix.how


def test_the_applications_part_of_a_librarys_container() -> None:
    """A library's object collects; the application's own global that leads there is named."""
    dump = library()
    session = dump.instance("soup.Session")
    history = dump.list()
    session.set(history=history)
    dump.modules["app"]["SESSION"] = session
    finding = grow(dump, lambda number: history.append(*(dump.bytes(40_000) for _ in range(40)))).findings[0]
    assert finding.owner == "library:soup 4.12"
    assert "the code that holds is soup 4.12, not the application's" in finding.fix.how
    assert "from the application `app.SESSION` (/srv/app.py) leads to it" in finding.fix.how
    assert finding.fix.snippet is None


def test_a_librarys_own_global() -> None:
    """Nothing of the application leads there: its own limit, or recycling."""
    dump = library()
    dump.modules["soup"]["CACHE"] = cache = dump.list()
    finding = grow(dump, lambda number: cache.append(*(dump.bytes(40_000) for _ in range(40)))).findings[0]
    assert "use its own limit or its close(), or recycle the process" in finding.fix.how


def test_the_change_is_named_in_the_sentence_and_shown(tmp_path: Path) -> None:
    """``how`` names file and line, the snippet shows the change; without sources neither is there."""
    root, text = tmp_path / "root", "LOG = []\n\n\ndef note(x):\n    LOG.append(x)\n"
    (root / "srv").mkdir(parents=True)
    (root / "srv" / "app.py").write_text(text)
    dump = Dump()
    dump.module("app", file="/srv/app.py")["LOG"] = log = dump.list()
    snapshots = taken(dump, lambda number: log.append(*(dump.bytes(40_000) for _ in range(40))))
    fix = diagnose(snapshots, sources=Sources(str(root))).findings[0].fix
    assert fix.snippet is not None
    assert fix.how.endswith("; change it at /srv/app.py:5")
    assert fix.snippet.after == "LOG = []\n\n\ndef note(x):\n    LOG.append(x)\n    del LOG[:-32]"
    assert diagnose(snapshots).findings[0].fix.snippet is None
    # The synthetic process started in January 2026: a file changed since is not what it runs.
    import os
    import time

    os.utime(root / "srv" / "app.py", (time.time(), 4e9))
    assert diagnose(snapshots, sources=Sources(str(root), snapshots[-1].process.started_at)).findings[0].fix.snippet is None


def test_every_format_shows_the_change(tmp_path: Path) -> None:
    """Text, Markdown, HTML and JSON show the lines; hostile source cannot become markup or drive a terminal."""
    from report_schema import validate

    from leakkit.report import render

    (tmp_path / "srv").mkdir()
    (tmp_path / "srv" / "app.py").write_text("LOG = []\n\n\ndef note(x):\n    LOG.append(x)  # </pre><script>alert(1)</script> ``` \u202e\n")
    dump = Dump()
    dump.module("app", file="/srv/app.py")["LOG"] = log = dump.list()
    report = diagnose(taken(dump, lambda number: log.append(*(dump.bytes(40_000) for _ in range(40)))), sources=Sources(str(tmp_path)))
    assert validate(report)["findings"][0]["fix"]["snippet"]["line"] == 5
    text = render(report, "text")
    assert "+     del LOG[:-32]" in [line.strip() for line in text.splitlines()]
    assert "\u202e" not in text
    page = render(report, "html")
    assert "<ins>+     del LOG[:-32]</ins>" in page
    assert "<script>alert(1)" not in page
    assert "````diff" in render(report, "markdown")
