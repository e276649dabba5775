"""The text report, compared as a whole with what a person should read."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from leakkit.model import PathStep
from leakkit.report import render
from leakkit.report.escape import display_width
from report.samples import ALL, clean_report, frame_finding, hostile_report, inconclusive_report, leak_report, opinions, single_snapshot_report

LEAK = """\
leak found: pid 4242, Python 3.11.7, python -m app.server --port 8765
3 snapshots over 40 s, 1,413,000 objects, 4,027,000 references, target paused
20 ms at most
collector: generational, thresholds 700/10/10, enabled

leak: 200 suspended coroutines of app.server.handler hold 812 MB of 1.04 GB
(78 %), growing by 1.2 MB/s: their local 'data' (/srv/app/server.py:42) lives
until the next message. Fix: hibernate, drop the payload before waiting;
predicted saving 805 MB.

where the memory is          size    share      growth
---------------------  ----------  -------  ----------
live objects             865.0 MB     83 %  +1.21 MB/s
garbage                   96.3 MB    9.2 %   +152 kB/s
allocator slack           41.3 MB    4.0 %       0 B/s
native memory             14.0 MB    1.3 %       0 B/s
file-mapped               21.0 MB    2.0 %       0 B/s
stacks                     0.4 MB    0.0 %       0 B/s
unexplained                3.1 MB    0.3 %       0 B/s
resident (RSS)         1,041.1 MB    100 %  +1.36 MB/s
  allocator slack: malloc_trim(0) in the copy gave back 41 MB

1. 200 suspended coroutines of app.server.handler keep their local 'data' while
   they wait
   class      long-lived, suspended-frame, confidence 93 %
   retains    812 MB in 200 frames, growth +1.21 MB/s (+18 frames/min)
   held by    handler() local 'data', /srv/app/server.py:42
   owner      application
   types      200 × str (611 MB), 1,200,000 × dict (151 MB), 400 × list
              (50.0 MB)
   made at    handler /srv/app/server.py:41, 611 MB

   ┬ running loop                           _asyncio.Task × 200
   ├─ coro                                  coroutine × 200
   ╰→ local 'data' (handler, server.py:42)  str × 200
      ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~

   + 196 of 200 coroutines stand at the same instruction in all 3 snapshots
     (server.py:43, await ws.recv()).
   + Without the local 'data' 805 MB would be unreachable: nothing else holds
     it.
   + The group grew in 2 of 2 intervals, by 24.2 MB and 24.3 MB.
   − 4 coroutines moved between the snapshots; their 16 MB may be work in
     progress.

   fix        hibernate: drop the payload before waiting for the next message
   why        The locals of a suspended coroutine live until it runs again;
              these connections are idle for minutes.
   how        In handler() (/srv/app/server.py:42) write `del items, data` after
              `await ws.send(data)`, or build and send in a helper coroutine
              that returns before the next await.
   saves      805 MB now and 1.20 MB/s of growth
   price      one line of code; no run-time cost
   recipe     hibernate
   instead    isolate (saves 805 MB): A helper coroutine that builds, sends and
              returns gives the same saving, with a larger change.
   no help    collect: Nothing here is garbage: a full collection frees 0 B of
              it.

2. Dead app.models.Node trees wait for a full collection
   class      young-survivor, cycle, confidence 98 %
   retains    96.3 MB in 940 cycles, growth +152 kB/s (+1.57 cycles/s)
   held by    app.models.Node.parent
   owner      application
   types      940 × bytes (92.1 MB), 47,120 × app.models.Node (4.20 MB)

   ┬ root       app.models.Node × 940
   ├─ children  list × 940
   ├─ [*]       app.models.Node × 46,180
   ╰→ parent    app.models.Node × 940
      ~~~~~~

   + No root reaches them; 91 % are in generation 2, and the next full
     collection needs 61,200 more survivors.

   fix        collect: break the cycle or collect after large replies
   why        Payload bytes do not count towards the collector's thresholds.
   how        Make app.models.Node.parent a weakref.ref, or call gc.collect()
              5 s after a large reply.
   saves      96.3 MB now
   price      gc.collect() stops this process for about 60 ms
   recipe     collect

3. glibc keeps 41 MB that Python has freed
   class      off-heap, allocator-slack, confidence 70 %
   retains    41.0 MB, growth not known
   held by    glibc malloc arenas

   fix        collect: trim after bursts
   why        glibc returns only the top of each arena.
   how        Set MALLOC_ARENA_MAX=2, or call malloc_trim(0) when idle.
   saves      not predictable from these snapshots
   price      page faults when the memory is needed again
   recipe     collect

Large, and not a leak
- app.cache._sessions (11.4 MB): a bounded cache (maxsize 50,000) that is 61 %
  full; it will be full in about 20 min at 19 MB

What the snapshots did to the target
- os.fork in the target: at-fork handlers of its libraries ran.
- One SIGCHLD was delivered to the target.

Warnings
- 1,204 objects are held from outside the heap graph.
"""

CLEAN = """\
no leak found: pid 4242, Python 3.11.7, python -m app.server --port 8765
3 snapshots over 40 s, 1,413,000 objects, 4,027,000 references, target paused
20 ms at most
collector: generational, thresholds 700/10/10, enabled

clean: nothing grows and nothing large is reclaimable in 1.04 GB.

where the memory is          size    share      growth
---------------------  ----------  -------  ----------
live objects             865.0 MB     83 %  +1.21 MB/s
garbage                   96.3 MB    9.2 %   +152 kB/s
allocator slack           41.3 MB    4.0 %       0 B/s
native memory             14.0 MB    1.3 %       0 B/s
file-mapped               21.0 MB    2.0 %       0 B/s
stacks                     0.4 MB    0.0 %       0 B/s
unexplained                3.1 MB    0.3 %       0 B/s
resident (RSS)         1,041.1 MB    100 %  +1.36 MB/s
  allocator slack: malloc_trim(0) in the copy gave back 41 MB

Large, and not a leak
- app.cache._sessions (11.4 MB): a bounded cache (maxsize 50,000) that is 61 %
  full; it will be full in about 20 min at 19 MB
"""

INCONCLUSIVE = """\
inconclusive: pid 4242, Python 3.11.7, python -m app.server --port 8765
3 snapshots over 40 s, 1,413,000 objects, 4,027,000 references, target paused
20 ms at most
collector: generational, thresholds 700/10/10, enabled

inconclusive: the copy ended early.

where the memory is          size    share      growth
---------------------  ----------  -------  ----------
live objects             865.0 MB     83 %  +1.21 MB/s
garbage                   96.3 MB    9.2 %   +152 kB/s
allocator slack           41.3 MB    4.0 %       0 B/s
native memory             14.0 MB    1.3 %       0 B/s
file-mapped               21.0 MB    2.0 %       0 B/s
stacks                     0.4 MB    0.0 %       0 B/s
unexplained                3.1 MB    0.3 %       0 B/s
resident (RSS)         1,041.1 MB    100 %  +1.36 MB/s
  allocator slack: malloc_trim(0) in the copy gave back 41 MB

What the snapshots did to the target
- os.fork in the target: at-fork handlers of its libraries ran.
- One SIGCHLD was delivered to the target.

Warnings
- The copy reached its time limit after 60 s: take snapshots with --timeout 120.
"""

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def test_leak_report() -> None:
    """Headline, ledger, findings with path, evidence and fix, what is no leak, disclosures, warnings."""
    assert render(leak_report(), "text") == LEAK


def test_clean_report() -> None:
    """Nothing found is an answer: the ledger and the explained memory remain."""
    assert render(clean_report(), "text") == CLEAN


def test_inconclusive_report() -> None:
    """What is missing is said in the warnings."""
    assert render(inconclusive_report(), "text") == INCONCLUSIVE


def test_one_snapshot_claims_no_growth() -> None:
    """Without growth there is no growth column, and the finding says that it is not known."""
    text = render(single_snapshot_report(), "text")
    assert "where the memory is" in text
    assert "growth  " not in text.split("1. 200")[0]
    assert "812 MB in 200 frames, growth not known" in text


@pytest.mark.parametrize("width", [60, 72, 80, 100])
@pytest.mark.parametrize("sample", ALL)
def test_no_line_is_wider_than_asked(sample, width: int) -> None:
    """Nothing wraps in a terminal of that width, whatever the target's names are."""
    for color in (False, True):
        for line in ANSI.sub("", render(sample(), "text", color=color, width=width)).splitlines():
            assert display_width(line) <= width


@pytest.mark.parametrize("sample", ALL)
def test_colours_change_nothing_but_colours(sample) -> None:
    """The coloured text without its colours is the plain text."""
    plain, colored = render(sample(), "text"), render(sample(), "text", color=True)
    assert "\x1b[" in colored
    assert ANSI.sub("", colored) == plain


def test_hostile_names_cannot_drive_the_terminal() -> None:
    """Control characters, direction overrides and lone surrogates of the target are written out."""
    text = render(hostile_report(), "text")
    assert not [c for c in text if c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2028")]
    assert "\\x1b[2J" in text
    assert "\\u202egnp.exe" in text
    text.encode("utf-8")


@pytest.mark.parametrize("sample", ALL)
def test_ascii_fallback(sample) -> None:
    """A terminal without Unicode gets look-alikes and escapes only."""
    text = render(sample(), "text", unicode=False)
    assert text.isascii()


def test_ascii_path() -> None:
    """Tree and underline survive without Unicode."""
    text = render(leak_report(), "text", unicode=False)
    assert (
        """
   + running loop                           _asyncio.Task x 200
   |- coro                                  coroutine x 200
   `> local 'data' (handler, server.py:42)  str x 200
      ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
"""
        in text
    )


def test_a_long_path_is_shortened_but_keeps_its_suspect() -> None:
    """A linked list of a thousand nodes is drawn in a few lines, with its last steps and the suspect edge."""
    steps = [PathStep("app.Node", "next", suspect=i == 990) for i in range(1000)]
    finding = replace(frame_finding(), path=(PathStep("module", "app"), *steps))
    text = render(replace(leak_report(), findings=(finding,)), "text")
    drawing = [line for line in text.splitlines() if line.strip().startswith(("├", "╰", "│", "┬"))]
    assert len(drawing) < 40
    assert any("more steps" in line for line in drawing)
    assert text.count("~~~~") == 1


def test_a_step_too_wide_for_one_line_puts_the_type_below() -> None:
    """Nothing of a long edge's type is lost to the right margin."""
    finding = replace(frame_finding(), path=(PathStep("module", "app"), PathStep("app." + "T" * 50, "e" * 40)))
    text = render(replace(leak_report(), findings=(finding,)), "text")
    assert "T" * 50 in text
    assert "e" * 40 in text


OPINIONS = """\
Second opinions
type              count     tracked    objgraph      guppy3     size    (guppy3)
-----------  ----------  ----------  ----------  ----------  -------  ----------
…odels.Node  12,400,000  12,300,000  12,300,000  12,400,000  1.19 GB     1.19 GB
str                 900           0           0              81.0 kB

type that grows       tracked      growth    objgraph    rises
-----------------  ----------  ----------  ----------  -------
app.models.Node    12,300,000  +1,200,000  +1,199,999   2 of 2
Wave (2 types)              0          +0        +150   1 of 2

referred to by                      count      guppy3    size    (guppy3)
-----------------------------  ----------  ----------  ------  ----------
dict of app.models.Node, list  12,399,000  12,400,000  992 MB      992 MB
<Nothing>                                          12               480 B

- objgraph counts tracked objects only: the same number for 2 of 2 types
"""


def test_second_opinions_stand_side_by_side() -> None:
    """By type, what grows, by referrers; names give way to numbers, and in 60 columns the last numbers go."""
    report = replace(clean_report(), second_opinions=opinions())
    assert OPINIONS in render(report, "text")
    narrow = render(report, "text", width=60).split("Second opinions")[1]
    assert "…models.Node  12,400,000  12,300,000  12,300,000  12,400,000\n" in narrow
    assert "dict of app.mod…  12,399,000  12,400,000  992 MB      992 MB\n" in narrow
