"""Sample reports for the tests: a realistic leak, hostile names, nothing found, inconclusive, one snapshot."""

from __future__ import annotations

from dataclasses import replace

from leakkit.model import (
    AllocationSite,
    Alternative,
    Evidence,
    Finding,
    Fix,
    FixId,
    GrowthOpinion,
    Holder,
    HolderKind,
    Ledger,
    LedgerPart,
    LedgerPartId,
    Observation,
    PathStep,
    ReferrerOpinion,
    Report,
    Retention,
    SecondOpinions,
    SnapshotFacts,
    TargetFacts,
    TreeNode,
    TypeCount,
    TypeOpinion,
    Verdict,
)

MB = 10**6
SCRIPT = "<script>alert('x')</script>"
HOSTILE = f"A|B `tick` ``two`` {SCRIPT} \x1b[2J\x1b]0;owned\x07 line\nbreak \u202egnp.exe \u2028 </script><!-- \udcff @team #12 www.evil.example"


def ledger(live: int, garbage: int, free: int, *, native: int = 14 * MB, mapped: int = 21 * MB, growth: float | None = None, taken_at: str = "2026-11-24T10:00:40Z") -> Ledger:
    """A ledger whose parts add up; sizes are bytes."""
    stacks, unexplained = 432_000, 3_100_000
    sizes = {
        LedgerPartId.LIVE_OBJECTS: live, LedgerPartId.GARBAGE: garbage, LedgerPartId.ALLOCATOR_FREE: free,
        LedgerPartId.NATIVE: native, LedgerPartId.FILE_MAPPED: mapped, LedgerPartId.STACKS: stacks,
        LedgerPartId.UNEXPLAINED: unexplained,
    }
    notes = {LedgerPartId.ALLOCATOR_FREE: "malloc_trim(0) in the copy gave back 41 MB"}
    rates = {LedgerPartId.LIVE_OBJECTS: growth, LedgerPartId.GARBAGE: None if growth is None else growth / 8}
    parts = tuple(LedgerPart(part, size, rates.get(part, None if growth is None else 0.0), notes.get(part, "")) for part, size in sizes.items())
    return Ledger(sum(sizes.values()), parts, taken_at)


def frame_finding() -> Finding:
    """Payloads pinned by the locals of 200 suspended coroutines."""
    return Finding(
        fingerprint="3f2a9c11d0b7",
        retention=Retention.LONG_LIVED,
        confidence=0.93,
        title="200 suspended coroutines of app.server.handler keep their local 'data' while they wait",
        size_bytes=812_400_000,
        count=200,
        growth_bytes_per_second=1_212_000.0,
        growth_count_per_second=0.3,
        types=(TypeCount("str", 200, 611_000_000), TypeCount("dict", 1_200_000, 151_400_000), TypeCount("list", 400, 50_000_000)),
        holder=Holder(HolderKind.SUSPENDED_FRAME, "handler() local 'data'", "/srv/app/server.py", 42),
        path_text="asyncio task -> handler() local 'data'",
        path=(
            PathStep("_asyncio.Task", "running loop", 200),
            PathStep("coroutine", "coro", 200),
            PathStep("str", "local 'data' (handler, server.py:42)", 200, suspect=True),
        ),
        allocated_at=(AllocationSite("/srv/app/server.py", 41, "handler", 611_000_000, "tracemalloc"),),
        owner="application",
        evidence=(
            Evidence("frame-did-not-move", "long-lived", "196 of 200 coroutines stand at the same instruction in all 3 snapshots (server.py:43, await ws.recv()).", {"coroutines": 196}),
            Evidence("exclusive-locals", "suspended-frame", "Without the local 'data' 805 MB would be unreachable: nothing else holds it.", {"bytes": 805e6}),
            Evidence("grows-every-interval", "leak", "The group grew in 2 of 2 intervals, by 24.2 MB and 24.3 MB."),
            Evidence("busy-frames", "not-a-leak", "4 coroutines moved between the snapshots; their 16 MB may be work in progress."),
        ),
        fix=Fix(
            FixId.HIBERNATE,
            "drop the payload before waiting for the next message",
            "The locals of a suspended coroutine live until it runs again; these connections are idle for minutes.",
            "In handler() (/srv/app/server.py:42) write `del items, data` after `await ws.send(data)`, or build and send in a helper coroutine that returns before the next await.",
            805_000_000,
            "one line of code; no run-time cost",
            "hibernate",
            1_200_000.0,
        ),
        alternatives=(
            Alternative("isolate", "A helper coroutine that builds, sends and returns gives the same saving, with a larger change.", 805_000_000),
            Alternative("collect", "Nothing here is garbage: a full collection frees 0 B of it.", 0),
        ),
    )


def garbage_finding() -> Finding:
    """Cyclic garbage that waits for a full collection."""
    return Finding(
        fingerprint="91bb01d7aa30", retention=Retention.YOUNG_SURVIVOR, confidence=0.98,
        title="Dead app.models.Node trees wait for a full collection",
        size_bytes=96_300_000, count=940, growth_bytes_per_second=151_500.0, growth_count_per_second=1.57,
        types=(TypeCount("bytes", 940, 92_100_000), TypeCount("app.models.Node", 47_120, 4_200_000)),
        holder=Holder(HolderKind.CYCLE, "app.models.Node.parent"),
        path_text="app.models.Node.children[*].parent -> app.models.Node",
        path=(PathStep("app.models.Node", "", 940), PathStep("list", "children", 940), PathStep("app.models.Node", "[*]", 46_180), PathStep("app.models.Node", "parent", 940, suspect=True)),
        allocated_at=(), owner="application",
        evidence=(Evidence("trial-deletion", "young-survivor", "No root reaches them; 91 % are in generation 2, and the next full collection needs 61,200 more survivors."),),
        fix=Fix(FixId.COLLECT, "break the cycle or collect after large replies", "Payload bytes do not count towards the collector's thresholds.", "Make app.models.Node.parent a weakref.ref, or call gc.collect() 5 s after a large reply.", 96_300_000, "gc.collect() stops this process for about 60 ms", "collect"),
        alternatives=(),
    )  # fmt: skip


def slack_finding() -> Finding:
    """Memory that malloc keeps."""
    return Finding(
        fingerprint="0b5c", retention=Retention.OFF_HEAP, confidence=0.7, title="glibc keeps 41 MB that Python has freed",
        size_bytes=41_000_000, count=0, growth_bytes_per_second=None, growth_count_per_second=None, types=(),
        holder=Holder(HolderKind.ALLOCATOR_SLACK, "glibc malloc arenas"), path_text="", path=(), allocated_at=(), owner="",
        evidence=(), alternatives=(),
        fix=Fix(FixId.COLLECT, "trim after bursts", "glibc returns only the top of each arena.", "Set MALLOC_ARENA_MAX=2, or call malloc_trim(0) when idle.", None, "page faults when the memory is needed again", "collect"),
    )  # fmt: skip


def tree() -> TreeNode:
    """A small dominator tree."""
    handlers = tuple(TreeNode(f"handler() local 'data' [{i}]", "coroutine", 4_600_000 - i * 5_400, 6_001, (TreeNode("data", "str", 3_055_000, 1), TreeNode("items", "list", 1_000_000, 6_000))) for i in range(200))
    modules = TreeNode("modules", "dict", 31_000_000, 210_000, (TreeNode("app.cache", "module", 12_000_000, 90_000, (TreeNode("_sessions", "dict", 11_400_000, 89_000),)), TreeNode("json", "module", 900_000, 4_000)))
    return TreeNode("all objects", "", 865_000_000, 1_413_000, (TreeNode("asyncio tasks", "", 812_400_000, 1_200_600, handlers), modules, TreeNode("everything else", "", 21_600_000, 2_400)))


def leak_report() -> Report:
    """Three findings over three snapshots."""
    times = ("2026-11-24T10:00:00Z", "2026-11-24T10:00:20Z", "2026-11-24T10:00:40Z")
    history = tuple(ledger(live, garbage, 41_250_000, growth=1_212_000.0, taken_at=t) for live, garbage, t in zip((816_520_000, 840_760_000, 865_000_000), (90_240_000, 93_270_000, 96_300_000), times, strict=True))
    snapshots = tuple(SnapshotFacts(None, t, h.rss_bytes, 1_364_000 + i * 24_500, 3_905_000 + i * 61_000, 906_760_000 + i * 27_270_000, 90_240_000 + i * 3_030_000, 0.018 + i / 1000, 2.4) for i, (t, h) in enumerate(zip(times, history, strict=True)))
    return Report(
        leakkit_version="0.1.0", created_at="2026-11-24T10:00:47Z", verdict=Verdict.LEAK,
        headline="leak: 200 suspended coroutines of app.server.handler hold 812 MB of 1.04 GB (78 %), growing by 1.2 MB/s: their local 'data' (/srv/app/server.py:42) lives until the next message. Fix: hibernate, drop the payload before waiting; predicted saving 805 MB.",
        target=TargetFacts(4242, "3.11.7", "python -m app.server --port 8765", {"regime": "generational", "thresholds": [700, 10, 10], "enabled": True, "counts": [310, 4, 2], "frozen": 0}),
        snapshots=snapshots, ledger=history[-1], ledger_history=history,
        findings=(frame_finding(), garbage_finding(), slack_finding()),
        not_leaks=(Observation("app.cache._sessions", 11_400_000, "a bounded cache (maxsize 50,000) that is 61 % full; it will be full in about 20 min at 19 MB", "app.cache._sessions"),),
        dominators=tree(),
        disclosures=("os.fork in the target: at-fork handlers of its libraries ran.", "One SIGCHLD was delivered to the target."),
        warnings=("1,204 objects are held from outside the heap graph.",),
    )  # fmt: skip


def single_snapshot_report() -> Report:
    """One snapshot: suspects, nothing known about growth."""
    report = leak_report()
    only = ledger(865_000_000, 96_300_000, 41_250_000)
    findings = tuple(replace(f, growth_bytes_per_second=None, growth_count_per_second=None) for f in report.findings[:1])
    return replace(report, verdict=Verdict.SUSPECT, findings=findings, snapshots=report.snapshots[-1:], ledger=only, ledger_history=(only,))


def opinions(name: str = "app.models.Node", note: str = "objgraph counts tracked objects only: the same number for 2 of 2 types") -> SecondOpinions:
    """objgraph and guppy3 beside leakkit, with numbers as large as they come."""
    return SecondOpinions(
        (
            TypeOpinion(name, 12_400_000, 12_300_000, 1_190_000_000, objgraph_count=12_300_000, guppy3_count=12_400_000, guppy3_bytes=1_190_000_000),
            TypeOpinion("str", 900, 0, 81_000, objgraph_count=0, guppy3_count=None, guppy3_bytes=None),
        ),
        (note,),
        (GrowthOpinion(name, 12_300_000, 1_200_000, 1_199_999, 2, 2), GrowthOpinion("Wave (2 types)", 0, 0, 150, 1, 2)),
        (ReferrerOpinion(f"dict of {name}, list", 12_400_000, 992_000_000, 12_399_000, 991_920_000), ReferrerOpinion("<Nothing>", 12, 480, None, None)),
    )


def clean_report() -> Report:
    """No finding, but something large that is explained."""
    report = leak_report()
    return replace(report, verdict=Verdict.CLEAN, headline="clean: nothing grows and nothing large is reclaimable in 1.04 GB.", findings=(), warnings=(), disclosures=())


def inconclusive_report() -> Report:
    """Nothing could be decided, and why."""
    report = leak_report()
    return replace(report, verdict=Verdict.INCONCLUSIVE, headline="inconclusive: the copy ended early.", findings=(), not_leaks=(), warnings=("The copy reached its time limit after 60 s: take snapshots with --timeout 120.",))


def hostile_report() -> Report:
    """Every string that can come from the target is hostile."""
    report = leak_report()
    finding = replace(
        frame_finding(), title=HOSTILE, holder=Holder(HolderKind.MODULE_GLOBAL, HOSTILE, HOSTILE, 3, 10), path_text=HOSTILE,
        types=(TypeCount(HOSTILE, 1, 2),), path=(PathStep(HOSTILE, HOSTILE, 2), PathStep(HOSTILE, HOSTILE, 3, suspect=True), PathStep(HOSTILE, HOSTILE)),
        allocated_at=(AllocationSite(HOSTILE, 1, HOSTILE, 5),), owner=HOSTILE, fingerprint=HOSTILE,
        evidence=(Evidence(HOSTILE, "leak", HOSTILE), Evidence("r", "not-a-leak", HOSTILE)),
        fix=Fix(FixId.DROP, HOSTILE, HOSTILE, HOSTILE, 1, HOSTILE, "drop"), alternatives=(Alternative("copy", HOSTILE),),
    )  # fmt: skip
    return replace(
        report, headline=HOSTILE, target=TargetFacts(1, "3.11.7", HOSTILE, {"regime": HOSTILE}), findings=(finding,), not_leaks=(Observation(HOSTILE, 5, HOSTILE, HOSTILE),),
        dominators=TreeNode(HOSTILE, HOSTILE, 10, 2, (TreeNode(HOSTILE, HOSTILE, 6, 1),)), disclosures=(HOSTILE,), warnings=(HOSTILE,),
        ledger=replace(report.ledger, parts=tuple(replace(p, note=HOSTILE) for p in report.ledger.parts)),
        second_opinions=opinions(HOSTILE, HOSTILE),
    )


ALL = (leak_report, single_snapshot_report, clean_report, inconclusive_report, hostile_report)
