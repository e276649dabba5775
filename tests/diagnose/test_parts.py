"""The small parts: ledger, owners, fingerprints, figures, several processes, the whole report."""

from __future__ import annotations

import dataclasses

import pytest
from heap_dump import Dump
from hypothesis import given, settings
from hypothesis import strategies as st
from report_schema import validate

from leakkit.diagnose import diagnose
from leakkit.diagnose.classify import WEIGHTS, confidence
from leakkit.diagnose.fingerprint import fingerprint
from leakkit.diagnose.ledger import HeapFigures, make_ledger
from leakkit.diagnose.owner import Owners
from leakkit.diagnose.rules import BUILTIN_RULES
from leakkit.diagnose.units import in_bytes, in_seconds
from leakkit.model import Evidence, FixId, LedgerPartId
from leakkit.snapshot_model import MemoryFacts

SIZE = st.integers(min_value=0, max_value=10**10)
MAYBE = st.none() | SIZE
BASE = Dump().snapshot()


@settings(deadline=None, max_examples=200)
@given(rss=SIZE, anonymous=SIZE, mapped=SIZE, stacks=SIZE, in_use=MAYBE, free=MAYBE, pyfree=MAYBE, live=SIZE, garbage=SIZE, large=SIZE)
def test_ledger_always_adds_up(rss, anonymous, mapped, stacks, in_use, free, pyfree, live, garbage, large) -> None:
    """Whatever the figures, no part is negative and the parts sum to RSS exactly."""
    memory = MemoryFacts(rss, anonymous, mapped, stacks, 0, 0, "glibc", in_use, free, None, None, None, pyfree, None, ())
    ledger = make_ledger(dataclasses.replace(BASE, memory=memory), HeapFigures(live, garbage, min(large, live + garbage)))
    assert sum(part.bytes for part in ledger.parts) == ledger.rss_bytes == rss
    assert all(part.bytes >= 0 for part in ledger.parts)
    assert [part.id for part in ledger.parts] == list(LedgerPartId)


def test_ledger_says_when_objects_do_not_fit() -> None:
    """More allocated than resident: scaled, with a note."""
    memory = dataclasses.replace(BASE.memory, rss=50_000_000, file_mapped=10_000_000, stacks=0)
    ledger = make_ledger(dataclasses.replace(BASE, memory=memory), HeapFigures(300_000_000, 100_000_000, 0))
    assert ledger.part(LedgerPartId.LIVE_OBJECTS).bytes == 30_000_000
    assert ledger.part(LedgerPartId.GARBAGE).bytes == 10_000_000
    assert "scaled" in ledger.part(LedgerPartId.GARBAGE).note


def test_owners() -> None:
    """Application, standard library, library with version, library without a distribution, frozen modules."""
    dump = Dump()
    dump.distribution("nice-lib", "1.2", "/usr/lib/python3.11/site-packages/nice")
    dump.distribution("editable-app", "0.1", "/srv/app")
    dump.module("app.views", file="/srv/app/views.py")
    dump.module("_socket")
    snapshot = dump.snapshot()
    owners = Owners(snapshot.process, snapshot.modules)
    assert owners.of_file("/srv/app/views.py") == "application"
    assert owners.of_file("/usr/lib/python3.11/json/decoder.py") == "stdlib"
    assert owners.of_file("/usr/lib/python3.11/site-packages/nice/core.py") == "library:nice-lib 1.2"
    assert owners.of_file("/usr/lib/python3.11/site-packages/nicer/core.py") == "library:nicer"
    assert owners.of_file("<frozen importlib._bootstrap>") == "stdlib"
    assert owners.of_module("_socket") == "stdlib"
    assert owners.of_type("app.views.View.Meta") == "application"
    assert owners.of_type("dict") == "stdlib"


def test_fingerprint_ignores_indexes_and_addresses() -> None:
    """Indexes and addresses in a part do not matter; names do."""
    assert fingerprint("a[3].b", "x at 0x7f00") == fingerprint("a[17].b", "x at 0x55aa")
    assert fingerprint("a[3].b") != fingerprint("a[3].c")


def test_figures_in_words() -> None:
    """Bytes and seconds as sentences have them."""
    assert [in_bytes(n) for n in (80, 12_345, 5_600_000, 310_000_000, 2_100_000_000)] == ["80 B", "12 kB", "5.6 MB", "310 MB", "2.1 GB"]
    assert [in_seconds(n) for n in (0.0002, 0.04, 12, 400, 9000, 400_000)] == ["under 1 ms", "40 ms", "12 s", "7 min", "2.5 h", "5 days"]


def test_every_rule_has_a_weight() -> None:
    """A rule's evidence is named after its function and moves the confidence."""
    named = {rule.__name__.replace("_", "-") for rule in BUILTIN_RULES}
    assert named == set(WEIGHTS)


def test_confidence_follows_the_evidence() -> None:
    """More evidence for raises it, evidence against lowers it, and it never is certain."""
    base = (Evidence("grows-every-interval", "leak", ""),)
    more = (*base, Evidence("entries-survive", "leak", ""))
    less = (*base, Evidence("since-the-start", "inconclusive", ""))
    assert 0 < confidence(less) < confidence(base) < confidence(more) < 1


def growing() -> list:
    dump = Dump()
    cache = dump.module("app", file="/srv/app.py")["CACHE"] = dump.dict()
    taken = []
    for _ in range(3):
        for index in range(100):
            cache[index] = dump.bytes(20_000)
        taken.append(dump.snapshot())
    return taken


def test_report_is_whole_and_valid() -> None:
    """It obeys the contract; histories, tree, disclosures and target are filled in."""
    taken = growing()
    taken[0] = dataclasses.replace(taken[0], capture=dataclasses.replace(taken[0].capture, disclosures=("forked",)), warnings=("w",))
    report = diagnose(taken)
    validate(report)
    assert len(report.ledger_history) == len(report.snapshots) == 3
    assert report.ledger == report.ledger_history[-1]
    assert report.ledger_history[0].parts[0].growth_bytes_per_second is None
    assert report.ledger.part(LedgerPartId.LIVE_OBJECTS).growth_bytes_per_second > 60_000
    assert report.dominators.bytes > 6_000_000
    assert report.disclosures == ("forked",)
    assert "w" in report.warnings
    assert report.target.gc["thresholds"] == [700, 10, 10]
    assert {a.id for a in report.findings[0].alternatives} == set(FixId) - {FixId.DROP}
    assert "app.CACHE" in report.headline


def test_order_of_the_snapshots_does_not_matter() -> None:
    """They are put in order of time."""
    taken = growing()
    assert diagnose(taken[::-1]).findings == diagnose(taken).findings


def test_snapshots_of_another_process_are_left_out() -> None:
    """A restarted service: the older process says nothing about the newer one."""
    taken = growing()
    taken[0] = dataclasses.replace(taken[0], process=dataclasses.replace(taken[0].process, pid=1))
    report = diagnose(taken)
    assert len(report.snapshots) == 2
    assert any("another process" in line for line in report.warnings)


def test_progress_is_told() -> None:
    """Long steps say what they do."""
    lines: list[str] = []
    diagnose(growing(), progress=lines.append)
    assert any("snapshot 3 of 3" in line for line in lines)


def test_no_snapshot_is_refused() -> None:
    """There is nothing to say about nothing."""
    with pytest.raises(ValueError, match="no snapshot"):
        diagnose([])
