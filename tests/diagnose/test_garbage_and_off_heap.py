"""Dead objects with their causes, and memory that no object accounts for."""

from __future__ import annotations

from typing import Any

from heap_dump import Dump
from series import first, grow, rules

from leakkit.diagnose import diagnose
from leakkit.model import FixId, HolderKind, LedgerPartId, Retention, Verdict
from leakkit.snapshot_model import NodeFlag

FILE = "/srv/app/app.py"
STATS = tuple({"collections": 3, "collected": 0, "uncollectable": 0} for _ in range(3))


def trees(dump: Dump, count: int = 20, **options: Any) -> None:
    """Dead trees with parent links and 100 KB each."""
    for _ in range(count):
        dump.tree("app.Node", 3, payload=dump.bytes(100_000), **options)


def dump_of() -> Dump:
    dump = Dump()
    dump.module("app", file=FILE)
    return dump


def test_cycles_that_outlived_young_collections() -> None:
    """Garbage that grows while no full collection runs: collect, with the cycle named."""
    dump = dump_of()
    report = grow(dump, lambda n: trees(dump), collector={"stats": STATS})
    finding = first(report)
    assert report.verdict == Verdict.LEAK
    assert (finding.retention, finding.holder.kind, finding.fix.id) == (Retention.YOUNG_SURVIVOR, HolderKind.CYCLE, FixId.COLLECT)
    assert "app.Node" in finding.holder.name
    assert "parent" in finding.fix.how
    assert 6_000_000 < finding.fix.saving_bytes < 6_200_000
    assert finding.fix.saving_bytes == report.ledger.part(LedgerPartId.GARBAGE).bytes
    assert {"dead-on-paper", "no-full-collection", "payload-not-counted", "stays-between-snapshots"} <= rules(finding)
    assert "tracked containers x 0.3 us" in finding.fix.price


def test_without_cycles_collect_is_not_recommended() -> None:
    """Taking away the precondition: the same trees, reachable."""
    dump = dump_of()
    kept = dump.modules["app"]["KEPT"] = dump.list()
    report = grow(dump, lambda n: [kept.append(dump.tree("app.Node", 3, payload=dump.bytes(100_000))) for _ in range(20)])
    assert all(f.fix.id != FixId.COLLECT for f in report.findings)
    assert first(report).fix.id == FixId.DROP


def test_disabled_collector() -> None:
    """One snapshot suffices to suspect it; over time it is proven."""
    for snapshots, verdict in ((1, Verdict.SUSPECT), (2, Verdict.LEAK)):
        dump = dump_of()
        report = grow(dump, lambda n: trees(dump, generation=0), collector={"enabled": False}, snapshots=snapshots)
        assert report.verdict == verdict
        assert "collector-disabled" in rules(first(report))
        assert "gc.enable()" in first(report).fix.how


def test_frozen_garbage() -> None:
    """Objects that died after a freeze: no collection looks at them."""
    dump = dump_of()

    def step(number: int) -> None:
        for _ in range(20):
            dump.freeze(*dump.cycle("app.Job", 2, payload=dump.bytes(100_000)))

    report = grow(dump, step)
    finding = first(report)
    assert (finding.retention, finding.holder.kind, finding.fix.id) == (Retention.YOUNG_SURVIVOR, HolderKind.FROZEN, FixId.COLLECT)
    assert "app.Job" in finding.holder.name
    assert "gc.freeze()" in finding.fix.how


def test_raised_thresholds_and_the_quarter_rule() -> None:
    """The evidence says why the collector waits, and for how long still."""
    dump = dump_of()
    report = grow(dump, lambda n: trees(dump), collector={"thresholds": (50_000, 10, 10)})
    assert "thresholds are raised" in " ".join(e.reason for e in first(report).evidence)
    dump = dump_of()
    taken = []
    for pending in (10_000, 20_000, 30_000):
        trees(dump)
        state = {"long_lived_total": 1_000_000, "long_lived_pending": pending, "stats": STATS}
        taken.append(dump.snapshot(collector=state))
    text = " ".join(e.reason for e in first(diagnose(taken)).evidence)
    assert "220,000 to go" in text
    assert "in 11 min" in text


def test_garbage_of_an_ordinary_size_is_no_finding() -> None:
    """A few hundred KB between two collections."""
    dump = dump_of()
    trees(dump, 5)
    assert grow(dump, lambda n: None, warm=0).verdict == Verdict.CLEAN


def test_garbage_that_comes_and_goes() -> None:
    """New garbage at the end that was not there before: the collector keeps up."""
    dump = dump_of()
    dump.modules["app"]["DATA"] = dump.bytes(100_000_000)
    snapshots = [dump.snapshot(), dump.snapshot()]
    trees(dump, 40)
    report = diagnose([*snapshots, dump.snapshot()])
    assert report.verdict == Verdict.CLEAN, report.findings
    assert any("keeps up" in seen.why for seen in report.not_leaks)


def test_garbage_at_the_addresses_of_collected_garbage_is_new() -> None:
    """A full collection ran in between: what lies where dead objects lay cannot be the same objects."""
    dump = dump_of()
    dump.modules["app"]["DATA"] = dump.bytes(100_000_000)
    trees(dump, 40)

    def taken(full: int) -> Any:
        stats = tuple({"collections": n, "collected": 0, "uncollectable": 0} for n in (300, 30, full))
        return dump.snapshot(collector={"stats": stats})

    assert diagnose([taken(3), taken(3), taken(3)]).verdict == Verdict.LEAK
    assert diagnose([taken(3), taken(4), taken(5)]).verdict == Verdict.CLEAN


def test_finalizers_are_told() -> None:
    """Objects with ``__del__`` might come back to life."""
    dump = dump_of()
    report = grow(dump, lambda n: [dump.cycle("app.File", 2, payload=dump.bytes(100_000), finalizer=True) for _ in range(20)])
    assert "has-finalizers" in rules(first(report))


def test_garbage_that_cannot_be_trusted() -> None:
    """No verdict on garbage when the copy is incomplete; the report says so."""
    dump = dump_of()
    trees(dump, 60)
    report = grow(dump, lambda n: None, complete=False, warm=0)
    assert report.verdict == Verdict.INCONCLUSIVE
    assert all(f.retention != Retention.YOUNG_SURVIVOR for f in report.findings)
    assert any("incomplete" in line for line in report.warnings)
    assert "cannot be said" in report.headline


def memory(free: int = 0, trimmable: int = 0, in_use: int = 1_000_000, rss: int = 60_000_000) -> dict[str, Any]:
    return {"memory": {"malloc_free": free, "trimmable": trimmable, "malloc_in_use": in_use, "rss": rss, "anonymous": rss - 10_000_000}}


def test_allocator_slack_that_grows() -> None:
    """Free memory that the allocators keep, more each time: a trim at idle, saving by trial."""
    dump = dump_of()
    taken = [dump.snapshot(rss=n + 20_000_000, **memory(n, n - 1_000_000, rss=n + 20_000_000)) for n in (20_000_000, 30_000_000, 40_000_000)]
    finding = first(diagnose(taken))
    assert (finding.retention, finding.holder.kind, finding.fix.id) == (Retention.OFF_HEAP, HolderKind.ALLOCATOR_SLACK, FixId.HIBERNATE)
    assert finding.fix.saving_bytes == 39_000_000
    assert "malloc_trim" in finding.fix.how


def test_slack_that_is_used_again_is_a_high_water_mark() -> None:
    """Free memory that shrinks in between is headroom."""
    dump = dump_of()
    taken = [dump.snapshot(**memory(n, n)) for n in (40_000_000, 5_000_000, 40_000_000)]
    report = diagnose(taken)
    assert report.verdict == Verdict.CLEAN
    assert any("uses this memory again" in seen.why for seen in report.not_leaks)


def test_slack_that_a_trim_does_not_return() -> None:
    """pymalloc arenas pinned by a few objects: a trim would not help, the end of the process that did the work does."""
    dump = dump_of()
    taken = []
    for n in (20_000_000, 30_000_000, 40_000_000):
        facts = memory(0, 500_000, rss=n + 20_000_000)
        facts["memory"]["pymalloc_free"] = n
        taken.append(dump.snapshot(**facts))
    finding = first(diagnose(taken))
    assert finding.holder.kind == HolderKind.ALLOCATOR_SLACK
    assert (finding.fix.id, finding.fix.saving_bytes) == (FixId.ISOLATE, 40_000_000)
    trim = next(other for other in finding.alternatives if other.id == "hibernate")
    assert trim.saving_bytes == 500_000
    assert "pin each pymalloc arena" in finding.fix.how


def test_native_growth() -> None:
    """Memory in use grows and no object explains it."""
    dump = dump_of()
    taken = [dump.snapshot(**memory(in_use=n, rss=n + 30_000_000)) for n in (10_000_000, 20_000_000, 30_000_000)]
    report = diagnose(taken)
    finding = first(report)
    assert report.verdict == Verdict.LEAK
    assert (finding.retention, finding.holder.kind, finding.fix.id) == (Retention.OFF_HEAP, HolderKind.NATIVE_ALLOCATION, FixId.ISOLATE)
    assert report.ledger.part(LedgerPartId.NATIVE).bytes == 30_000_000


def test_interned_strings() -> None:
    """The same growth with a growing table of interned strings."""
    dump = dump_of()
    taken = []
    for n in (100_000, 200_000, 300_000):
        facts = memory(in_use=n * 100, rss=n * 100 + 30_000_000)
        taken.append(dump.snapshot(process={"python": "3.12.1", "extra": {"interned_strings": n}}, **facts))
    finding = first(diagnose(taken))
    assert (finding.retention, finding.holder.kind, finding.fix.id) == (Retention.LONG_LIVED, HolderKind.INTERNED, FixId.DROP)
    assert "immortal" in " ".join(e.reason for e in finding.evidence)


def test_an_allocator_that_does_not_tell_is_said() -> None:
    """jemalloc: the split is not known, and the report says so."""
    dump = dump_of()
    report = diagnose([dump.snapshot(memory={"allocator": "jemalloc", "malloc_in_use": None, "malloc_free": None})])
    assert "jemalloc" in report.ledger.part(LedgerPartId.NATIVE).note
    assert any("jemalloc" in line for line in report.warnings)


def test_legacy_finalizers_are_uncollectable() -> None:
    """A legacy ``tp_del`` keeps the collector from freeing the cycle; the evidence says so."""
    dump = dump_of()

    def step(number: int) -> None:
        for _ in range(20):
            for obj in dump.cycle("app.Old", 2, payload=dump.bytes(100_000)):
                obj.flags |= int(NodeFlag.LEGACY_DEL)

    assert "gc.garbage" in " ".join(e.reason for e in first(grow(dump, step)).evidence)


def pinned(dump: Dump, sizes: tuple[int, ...]) -> list[Any]:
    """Snapshots of a process whose arenas have so much free, of which a trim returns next to nothing."""
    taken = []
    for n in sizes:
        facts = memory(0, 500_000)
        facts["memory"]["pymalloc_free"] = n
        taken.append(dump.snapshot(**facts))
    return taken


def test_pinned_slack_of_a_burst_stays() -> None:
    """Half of the process is free and pinned in every snapshot: suspected, and isolated work would give it back."""
    report = diagnose(pinned(dump_of(), (40_000_000, 40_000_000, 40_000_000)))
    assert report.verdict == Verdict.SUSPECT
    assert first(report).fix.id == FixId.ISOLATE


def test_pinned_slack_of_one_moment_is_no_finding() -> None:
    """The same amount in the newest snapshot only, after a collection say: the next burst has a use for it."""
    report = diagnose(pinned(dump_of(), (6_000_000, 4_000_000, 9_000_000, 40_000_000)))
    assert report.verdict == Verdict.CLEAN


def test_slack_that_grows_in_a_process_that_does_not() -> None:
    """Garbage that is collected becomes free memory: resident memory stays, so nothing leaks."""
    dump = dump_of()
    report = diagnose(pinned(dump, (5_000_000, 12_000_000, 20_000_000, 28_000_000)))
    assert report.verdict == Verdict.CLEAN


def test_slack_that_was_trimmed_before_is_not_resident() -> None:
    """malloc counts trimmed pages as free: what objects need of the anonymous memory cannot be slack."""
    dump = dump_of()
    dump.modules["app"]["DATA"] = dump.bytes(45_000_000)
    report = diagnose(pinned(dump, (60_000_000, 60_000_000, 60_000_000)))
    assert report.verdict == Verdict.CLEAN
