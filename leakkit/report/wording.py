"""What every format says in the same words: labels, summaries, the sides of the evidence."""

from __future__ import annotations

import difflib
from datetime import datetime
from typing import TYPE_CHECKING

from leakkit.model import HolderKind, LedgerPartId, Retention, Verdict
from leakkit.report.units import (
    format_bytes,
    format_count,
    format_count_growth,
    format_growth,
    format_seconds,
)

if TYPE_CHECKING:
    from leakkit.model import (
        Alternative,
        Evidence,
        Finding,
        Fix,
        Holder,
        Ledger,
        LedgerPart,
        Report,
        Snippet,
        TypeCount,
    )

MOST_C_FRAMES = 6
"""C frames of a stack that a report shows."""

PART_LABELS = {
    LedgerPartId.LIVE_OBJECTS: "live objects",
    LedgerPartId.GARBAGE: "garbage",
    LedgerPartId.ALLOCATOR_FREE: "allocator slack",
    LedgerPartId.NATIVE: "native memory",
    LedgerPartId.FILE_MAPPED: "file-mapped",
    LedgerPartId.STACKS: "stacks",
    LedgerPartId.UNEXPLAINED: "unexplained",
}

VERDICT_LABELS = {
    Verdict.LEAK: "leak found",
    Verdict.SUSPECT: "suspects found",
    Verdict.CLEAN: "no leak found",
    Verdict.INCONCLUSIVE: "inconclusive",
}

RETENTION_MEANINGS = {
    Retention.YOUNG_SURVIVOR: "dead objects that wait for a full collection",
    Retention.LONG_LIVED: "reachable: something still holds it",
    Retention.OFF_HEAP: "no Python object accounts for it",
}

_COUNTED = {
    HolderKind.SUSPENDED_FRAME: ("frame", "frames"),
    HolderKind.RUNNING_FRAME: ("frame", "frames"),
    HolderKind.VIEW: ("buffer", "buffers"),
    HolderKind.CYCLE: ("cycle", "cycles"),
    HolderKind.INTERNED: ("string", "strings"),
    HolderKind.FROZEN: ("object", "objects"),
    HolderKind.C_HELD: ("object", "objects"),
}
_NOT_COUNTED = frozenset({HolderKind.ALLOCATOR_SLACK, HolderKind.NATIVE_ALLOCATION})

_NEGLIGIBLE_SHARE_PER_HOUR = 1e-3

_AGAINST = frozenset(
    {"not-a-leak", "not a leak", "clean", "against", "inconclusive", "steady", "healthy", "filling", "none"}
)


def supports(evidence: Evidence, finding: Finding) -> bool:
    """Whether a piece of evidence speaks for the finding.

    ``favours`` names what it speaks for: the retention class, the holder's kind, the fix, ``leak``…  What
    names another retention class, another fix or a harmless explanation speaks against.
    """
    favoured = evidence.favours.lower()
    if favoured in _AGAINST or favoured.startswith(("not-", "not ")):
        return False
    if favoured in {retention.value for retention in Retention}:
        return favoured == finding.retention.value
    return True


def split_evidence(finding: Finding) -> tuple[list[Evidence], list[Evidence]]:
    """The evidence for the finding and the evidence against it, in the given order."""
    for_it = [e for e in finding.evidence if supports(e, finding)]
    return for_it, [e for e in finding.evidence if not supports(e, finding)]


def size_text(finding: Finding) -> str:
    """How much a finding retains and how fast it grows: ``812 MB in 200 frames, growth +1.2 MB/s``."""
    text = format_bytes(finding.size_bytes)
    if counted := count_text(finding):
        text += f" in {counted}"
    growth = format_growth(finding.growth_bytes_per_second)
    if not growth:
        return f"{text}, growth not known"
    by_count = count_growth_text(finding)
    return f"{text}, growth {growth}" + (f" ({by_count})" if by_count else "")


def count_noun(finding: Finding, count: int = 2) -> str:
    """What the finding's count counts: frames, buffers, cycles…; entries when it is a container."""
    one, many = _COUNTED.get(finding.holder.kind, ("entry", "entries"))
    return one if count == 1 else many


def count_text(finding: Finding) -> str:
    """How many frames, cycles, entries…; empty where nothing is counted."""
    if not finding.count or finding.holder.kind in _NOT_COUNTED:
        return ""
    return f"{format_count(finding.count)} {count_noun(finding, finding.count)}"


def count_growth_text(finding: Finding) -> str:
    """How many more frames, cycles, entries… a second; empty where nothing is counted or grows."""
    if finding.holder.kind in _NOT_COUNTED:
        return ""
    return format_count_growth(finding.growth_count_per_second, count_noun(finding))


def holder_text(holder: Holder) -> str:
    """Who holds the memory, where in the source, and the limit it declares."""
    text = holder.name
    if holder.file:
        text += f", {holder.file}:{holder.line}" if holder.line else f", {holder.file}"
    if holder.bound is not None:
        text += f", limit {format_count(holder.bound)}" if holder.bound >= 0 else ", no limit"
    return text


def c_stack_text(finding: Finding) -> str:
    """The heaviest C stack of native growth, from the call that allocated to the Python line; empty without one."""
    if finding.holder.kind != HolderKind.NATIVE_ALLOCATION or not finding.allocated_at:
        return ""
    stack = finding.allocated_at[0].stack
    python = next((i for i, frame in enumerate(stack) if " (C" not in frame), len(stack))
    if not python:
        return ""
    frames = [
        *stack[: min(python, MOST_C_FRAMES)],
        *(["…"] if python > MOST_C_FRAMES else []),
        *stack[python : python + 1],
    ]
    return " ← ".join(frames)


def saving_text(fix: Fix) -> str:
    """What the fix is predicted to save: ``812 MB now and 1.2 MB/s of growth``."""
    parts = []
    if fix.saving_bytes is not None:
        parts.append(f"{format_bytes(fix.saving_bytes)} now")
    if fix.saving_bytes_per_second:
        parts.append(f"{format_growth(fix.saving_bytes_per_second).lstrip('+')} of growth")
    return " and ".join(parts) or "not predictable from these snapshots"


def ledger_growth(part: LedgerPart, ledger: Ledger) -> str:
    """Growth of a part as text; what is next to nothing beside the whole is told as zero."""
    return _growth_beside(part.growth_bytes_per_second, ledger)


def total_growth(ledger: Ledger) -> str:
    """Growth of resident memory: the parts' growth added up; empty when it is not known."""
    known = [p.growth_bytes_per_second for p in ledger.parts if p.growth_bytes_per_second is not None]
    return _growth_beside(sum(known), ledger) if known else ""


def _growth_beside(bytes_per_second: float | None, ledger: Ledger) -> str:
    if bytes_per_second is None:
        return ""
    # A few bytes' difference over some seconds is no rate per hour or day.
    negligible = abs(bytes_per_second) * 3600 < _NEGLIGIBLE_SHARE_PER_HOUR * ledger.rss_bytes
    return format_growth(0.0 if negligible else bytes_per_second)


def change_lines(change: Snippet) -> list[tuple[str, str]]:
    """The change line by line: ``" "``, ``"-"`` or ``"+"``, and the line; what both sides share at once is one line."""
    old, new = change.before.split("\n"), change.after.split("\n")
    lines: list[tuple[str, str]] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            lines += [(" ", line) for line in old[i1:i2]]
        else:
            lines += [("-", line) for line in old[i1:i2]] + [("+", line) for line in new[j1:j2]]
    return lines


def change_title(change: Snippet) -> str:
    """Where the change is, and what to know of it."""
    note = f" ({change.note})" if change.note else ""
    return f"{change.file}:{change.line}{note}"


def fix_facts(fix: Fix) -> list[tuple[str, str]]:
    """The fix's labelled sentences, in the order in which they are read."""
    return [
        ("why", fix.why),
        ("how", fix.how),
        ("saves", saving_text(fix)),
        ("price", fix.price),
        ("recipe", fix.recipe),
    ]


def ranked_alternatives(finding: Finding) -> list[Alternative]:
    """The other fixes: those that would save something first, else in the given order."""
    return sorted(finding.alternatives, key=lambda alternative: alternative_kind(alternative) != "instead")


def alternative_kind(alternative: Alternative) -> str:
    """``instead`` for a fix that would save something too, ``no help`` for one that would save nothing."""
    return "no help" if alternative.saving_bytes == 0 else "instead"


def alternative_label(alternative: Alternative) -> str:
    """The other fix's id, with its predicted saving where there is one."""
    if not alternative.saving_bytes:
        return alternative.id
    return f"{alternative.id} (saves {format_bytes(alternative.saving_bytes)})"


def type_text(types: TypeCount) -> str:
    """Objects of one type: ``200 × str (611 MB)``."""
    return f"{format_count(types.count)} × {types.name} ({format_bytes(types.bytes)})"


def edge_label(edge: str, *, root: bool) -> str:
    """An edge as it is drawn; C-level references without a name are said to be that."""
    # The drawing has arrows of its own: " → handler()" is drawn as "handler()".
    name = edge.strip().removeprefix("→").strip()
    return name or ("root" if root else "(unnamed reference)")


def step_type(type_name: str, count: int | None) -> str:
    """The type at the end of an edge, with the number of objects when there is more than one."""
    if count is None or count <= 1:
        return type_name
    return f"{type_name} × {format_count(count)}"


def capture_text(report: Report) -> str:
    """How the figures were got: snapshots, time span, objects, longest pause."""
    snapshots = report.snapshots
    if not snapshots:
        return "no snapshot"
    newest = snapshots[-1]
    span = seconds_between(snapshots[0].taken_at, newest.taken_at)
    count = "1 snapshot" if len(snapshots) == 1 else f"{len(snapshots)} snapshots"
    over = f" over {format_seconds(span)}" if len(snapshots) > 1 and span else ""
    pause = max(snapshot.pause_seconds for snapshot in snapshots)
    longest = "" if len(snapshots) == 1 else " at most"
    heap = f"{format_count(newest.objects)} objects, {format_count(newest.references)} references"
    return f"{count}{over}, {heap}, target paused {format_seconds(pause)}{longest}"


def collector_text(report: Report) -> str:
    """The collector's regime and settings, as far as they are known; empty when nothing is."""
    gc = report.target.gc
    parts = [str(gc["regime"])] if gc.get("regime") else []
    if gc.get("thresholds"):
        parts.append("thresholds " + "/".join(str(t) for t in gc["thresholds"]))
    if gc.get("enabled") is not None:
        parts.append("enabled" if gc["enabled"] else "disabled")
    if gc.get("frozen"):
        parts.append(f"{gc['frozen']:,} objects frozen")
    return ", ".join(parts)


def seconds_between(earlier: str, later: str) -> float:
    """Seconds between two ISO 8601 times; 0 when one of them cannot be read."""
    try:
        return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
    except (ValueError, TypeError):
        return 0.0
