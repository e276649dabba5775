"""From evidence to a conclusion: is it a leak, of which class, held by what kind of holder, and how sure is that."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

from leakkit.diagnose.constants import SLACK_FLOOR
from leakkit.diagnose.suspect import SuspectKind
from leakkit.model import HolderKind, Retention

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leakkit.diagnose.context import Context
    from leakkit.diagnose.suspect import Suspect
    from leakkit.model import Evidence


class Standing(StrEnum):
    """What a suspect turns out to be."""

    PROVEN = "proven"
    """Grows, or is reclaimable, with evidence over time."""
    SUSPECTED = "suspected"
    """Large, but too few snapshots to say more."""
    HARMLESS = "harmless"
    """Explained, and no leak."""
    NOTHING = "nothing"
    """Not worth a word."""


WEIGHTS: dict[str, float] = {
    "grows-every-interval": 1.5,
    "too-few-snapshots": -0.8,
    "entries-survive": 1.0,
    "entries-turn-over": -3.0,
    "growth-fades": -2.5,
    "growth-may-fade": -1.2,
    "below-its-bound": -4.0,
    "at-its-bound": -4.0,
    "declared-unbounded": 1.0,
    "since-the-start": 0.5,
    "modules-are-imported": -4.0,
    "entries-are-callable": 0.5,
    "standard-registry": 0.5,
    "finished-work": 0.7,
    "tracebacks-keep-frames": 0.8,
    "caches-instances": 0.7,
    "classes-made-at-run-time": 0.4,
    "held-by-others-too": -0.3,
    "code-of-a-library": -0.1,
    "held-only-by-c": 0.3,
    "same-instruction": 1.5,
    "only-locals-keep": 1.0,
    "one-snapshot-of-frames": -1.0,
    "frames-accumulate": 0.8,
    "locals-are-in-use": -3.0,
    "lone-frame": -2.5,
    "idle-threads-keep": 1.0,
    "buffer-dwarfs-views": 1.2,
    "only-views-keep": 1.2,
    "dead-on-paper": 1.5,
    "collector-disabled": 1.0,
    "frozen-objects": 1.0,
    "collector-waits": 0.4,
    "no-full-collection": 0.4,
    "stays-between-snapshots": 1.0,
    "payload-not-counted": 0.4,
    "has-finalizers": -0.3,
    "passing-garbage": -3.0,
    "trial-trim": 1.0,
    "slack-stays": 0.8,
    "slack-is-reused": -3.0,
    "native-grows": 0.8,
    "native-extension": 0.8,
    "strings-are-interned": 1.0,
}
"""How much each rule moves the log odds; the sign is turned where its evidence speaks the other way."""

_REFUTING = frozenset(rule for rule, weight in WEIGHTS.items() if weight <= -2.5)
"""Rules that alone make a suspect harmless."""

_SLACK_STEADY_SHARE = 0.25
"""Slack that does not grow is a finding only when it is this share of resident memory: high-water marks are normal."""

_SLACK_GROWING_SHARE = 0.4
"""Slack that grows is a leak when it dominates; below this share it is fragmentation finding its level."""

_SLACK_UNTRIED_SHARE = 0.4
"""The same where no trim could be tried, or where it gives little back: then only the next burst has a use for it."""

_SLACK_NEW_SHARE = 0.5
"""Slack that grows is a leak when resident memory grew by this share of it."""

_STAYS = 3
"""Pinned slack must have that share in so many snapshots, not only in the newest."""

MAX_CONFIDENCE = 0.99


def confidence(evidence: Sequence[Evidence]) -> float:
    """Between 0.01 and 0.99: the logistic of the summed weights of the evidence."""
    total = 0.0
    for item in evidence:
        weight = WEIGHTS.get(item.rule, 0.0)
        if weight > 0 and item.favours in ("not-a-leak", "inconclusive"):
            weight = -weight
        total += weight
    return round(min(max(1 / (1 + math.exp(-total)), 1 - MAX_CONFIDENCE), MAX_CONFIDENCE), 2)


def retention_of(suspect: Suspect) -> Retention:
    """The class of retention."""
    if suspect.kind == SuspectKind.GARBAGE:
        return Retention.YOUNG_SURVIVOR
    if suspect.kind in (SuspectKind.SLACK, SuspectKind.NATIVE):
        return Retention.OFF_HEAP
    return Retention.LONG_LIVED


_FIXED_KINDS = {
    SuspectKind.IDLE_FRAMES: HolderKind.SUSPENDED_FRAME,
    SuspectKind.VIEWS: HolderKind.VIEW,
    SuspectKind.INTERNED: HolderKind.INTERNED,
    SuspectKind.SLACK: HolderKind.ALLOCATOR_SLACK,
    SuspectKind.NATIVE: HolderKind.NATIVE_ALLOCATION,
}

_PLAIN_HOLDERS = frozenset(
    {
        HolderKind.MODULE_GLOBAL,
        HolderKind.CLASS_ATTRIBUTE,
        HolderKind.INSTANCE_ATTRIBUTE,
        HolderKind.C_HELD,
        HolderKind.UNKNOWN,
    }
)


def holder_kind(suspect: Suspect, evidence: Sequence[Evidence]) -> HolderKind:
    """The kind of holder: where the path ends, unless the entries say more than the place does."""
    if suspect.kind in _FIXED_KINDS:
        return _FIXED_KINDS[suspect.kind]
    rules = {item.rule for item in evidence}
    kind = suspect.place.holder.kind
    if "tracebacks-keep-frames" in rules:
        return HolderKind.EXCEPTION_TRACEBACK
    if "entries-are-callable" in rules and kind in _PLAIN_HOLDERS:
        return HolderKind.CALLBACK_REGISTRY
    return kind


def standing(suspect: Suspect, evidence: Sequence[Evidence], context: Context) -> Standing:
    """What the evidence makes of a suspect."""
    rules = {item.rule for item in evidence}
    if rules & _REFUTING:
        return Standing.HARMLESS
    if suspect.kind == SuspectKind.LARGE:
        kept_idle = "idle-threads-keep" in rules
        return Standing.HARMLESS if context.enough and not kept_idle else Standing.SUSPECTED
    if suspect.kind == SuspectKind.IDLE_FRAMES:
        return _of_frames(rules, context)
    if suspect.kind == SuspectKind.GARBAGE:
        return Standing.PROVEN if "stays-between-snapshots" in rules else Standing.SUSPECTED
    if suspect.kind == SuspectKind.VIEWS:
        if context.history.count == 1:
            return Standing.SUSPECTED
        return Standing.PROVEN if suspect.counts[-2] else Standing.NOTHING
    if suspect.kind == SuspectKind.SLACK:
        return _of_slack(suspect, rules, context)
    grows = "grows-every-interval" in rules and "growth-may-fade" not in rules
    return Standing.PROVEN if grows else Standing.SUSPECTED


def _of_frames(rules: set[str], context: Context) -> Standing:
    if context.history.count == 1:
        return Standing.SUSPECTED
    return Standing.PROVEN if rules & {"same-instruction", "frames-accumulate"} else Standing.NOTHING


def _of_slack(suspect: Suspect, rules: set[str], context: Context) -> Standing:
    if context.history.count == 1:
        return Standing.SUSPECTED
    grown = suspect.sizes[-1] - suspect.sizes[0]
    dominant = suspect.size >= _SLACK_GROWING_SHARE * context.rss
    resident = [moment.snapshot.memory.rss for moment in context.history.moments]
    # Slack that grows in a process that does not is garbage that was collected meanwhile.
    new = resident[-1] - resident[0] >= _SLACK_NEW_SHARE * grown
    if context.enough and context.history.grows(suspect.sizes) and grown >= SLACK_FLOOR and dominant and new:
        return Standing.PROVEN
    tried = suspect.facts["saving_known"] and not suspect.facts["pinned"]
    share = _SLACK_STEADY_SHARE if tried else _SLACK_UNTRIED_SHARE
    # A trim gives back what is there now; the end of a process only pays for what is always there.
    always = min(suspect.sizes[-_STAYS:]) if suspect.facts["pinned"] else suspect.saving
    steady = "slack-stays" in rules and always >= share * context.rss
    return Standing.SUSPECTED if steady else Standing.HARMLESS
