"""Thresholds of the diagnosis, each with its reason; sizes are bytes, times seconds, shares fractions of one."""

from __future__ import annotations

MIB = 1 << 20
KIB = 1 << 10

MATERIAL_FLOOR = 512 * KIB
"""Nothing smaller is reported: an idle interpreter moves by a few hundred KB between two moments."""

MATERIAL_SHARE = 0.01
"""Nor anything below one percent of resident memory: nobody repairs that first."""

RECLAIMABLE_FLOOR = 1 * MIB
"""Garbage, idle frames and views below this are the normal float of a collector and of open requests."""

RECLAIMABLE_SHARE = 0.02
"""Share of resident memory that reclaimable memory must reach to be worth a finding."""

SLACK_FLOOR = 5_000_000
"""Arenas of a dozen threads keep a few MB between them, and glibc keeps some at the top of each arena on purpose."""

SLACK_SHARE = 0.20
"""Free memory is normal headroom until it is a fifth of the process."""

NATIVE_FLOOR = 2 * MIB
"""Growth that no object explains must exceed what arenas, buffers and the capture itself blur."""

GROWTH_SNAPSHOTS = 3
"""Two snapshots are monotonic by construction; growth needs three."""

MIN_ENTRIES_GROWN = 3
"""A container that gained fewer entries than this between the first and the last snapshot is not growing."""

FADING_RATIO = 0.34
"""Growth whose last interval runs at less than a third of the first one's rate is fading out."""

FADING_INTERVALS = 3
"""Two rates always differ; only a third one shows that they fall."""

SURVIVAL_SHARE = 0.5
"""If fewer than half of the first snapshot's entries are still there, entries expire: it turns over."""

STEADY_SHARE = 0.10
"""A holder of at least this share of resident memory is worth an observation when it does not grow."""

SINGLE_SHARE = 0.10
"""One snapshot: a holder is suspect when it retains this share of resident memory..."""

SINGLE_FLOOR = 4 * MIB
"""...and at least this much."""

VIEW_SHARE = 0.5
"""A buffer is pinned by its views when they show less than half of it."""

VIEW_BUFFER_FLOOR = 16 * KIB
"""Smaller buffers cost less than the view objects' own bookkeeping is worth."""

CALLABLE_SHARE = 0.8
"""A container is a registry of callbacks when at least this share of its entries can be called."""

TRACEBACK_SHARE = 0.5
"""Kept exceptions are the cause when cutting their tracebacks frees at least half of what the holder keeps."""

ACCUMULATION_RATIO = 0.7
"""Descend the dominator tree while the largest child keeps this share of its parent (Eclipse MAT's rule)."""

COLLECT_SECONDS_PER_CONTAINER = 0.3e-6
"""Pause of a full collection per tracked container: 0.06 to 1.2 us by shape, age and version, 0.2 to 0.4 mostly."""

COLLECTION_PASSES = (((3, 14), 5.2), ((3, 13), 6.4), ((3, 12), 5.9), ((3, 11), 7.4), ((3, 0), 6.5))
"""By version, newest first: CPU time of a full collection in dry passes (``benchmarks/collect_pause.py``)."""

FREE_SECONDS_PER_OBJECT = 0.22e-6
"""CPU time of freeing a dead object: 0.14 to 0.4 us (the same script)."""

FREE_SECONDS_PER_PAGE = 0.1e-6
"""Giving a page of a large dead object back to the kernel."""

PAGE = 4096

START_SECONDS = 0.02
"""Start of a bare interpreter."""

IMPORT_SECONDS_PER_MODULE = 0.5e-3
"""Typical import time of one module from a warm disk, for the start-up price of a fresh worker."""

PYMALLOC_LIMIT = 512
"""Requests up to this size are served by pymalloc, larger ones by malloc."""

TREE_NODES = 400
"""At most this many nodes of the dominator tree go into the report."""
