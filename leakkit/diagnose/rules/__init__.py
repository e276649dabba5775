"""Evidence rules: each looks at one suspect and says one thing for or against a conclusion, or nothing.

A rule never reads another rule's result.  To add one: write the function, add it to ``BUILTIN_RULES`` and give it
a weight in ``classify.WEIGHTS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from leakkit.diagnose.rules import frames, garbage, growth, holders, off_heap, threads, views

if TYPE_CHECKING:
    from collections.abc import Callable

    from leakkit.diagnose.context import Context
    from leakkit.diagnose.suspect import Suspect
    from leakkit.model import Evidence

    Rule = Callable[[Suspect, Context], Evidence | None]

BUILTIN_RULES: tuple[Rule, ...] = (
    growth.grows_every_interval,
    growth.too_few_snapshots,
    growth.entries_survive,
    growth.entries_turn_over,
    growth.growth_fades,
    growth.growth_may_fade,
    growth.below_its_bound,
    growth.at_its_bound,
    growth.declared_unbounded,
    growth.since_the_start,
    growth.modules_are_imported,
    holders.entries_are_callable,
    holders.standard_registry,
    holders.finished_work,
    holders.tracebacks_keep_frames,
    holders.caches_instances,
    holders.classes_made_at_run_time,
    holders.held_by_others_too,
    holders.code_of_a_library,
    holders.held_only_by_c,
    frames.same_instruction,
    frames.only_locals_keep,
    frames.one_snapshot_of_frames,
    frames.frames_accumulate,
    frames.locals_are_in_use,
    frames.lone_frame,
    threads.idle_threads_keep,
    views.buffer_dwarfs_views,
    views.only_views_keep,
    garbage.dead_on_paper,
    garbage.collector_disabled,
    garbage.frozen_objects,
    garbage.collector_waits,
    garbage.no_full_collection,
    garbage.stays_between_snapshots,
    garbage.payload_not_counted,
    garbage.has_finalizers,
    garbage.passing_garbage,
    off_heap.trial_trim,
    off_heap.slack_stays,
    off_heap.slack_is_reused,
    off_heap.native_grows,
    off_heap.native_extension,
    off_heap.strings_are_interned,
)
"""All rules that come with leakkit, in the order in which their evidence is shown."""


def collect(suspect: Suspect, context: Context, rules: tuple[Rule, ...] = BUILTIN_RULES) -> tuple[Evidence, ...]:
    """All that the rules say about a suspect."""
    found = (rule(suspect, context) for rule in rules)
    return tuple(evidence for evidence in found if evidence is not None)
