"""The markdown report, and that the target's names cannot become markup."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from leakkit.report import render
from leakkit.report.escape import markdown, markdown_code, markdown_prose
from report.samples import ALL, clean_report, garbage_finding, hostile_report, inconclusive_report, leak_report

GARBAGE = """\
### 1. Dead app.models.Node trees wait for a full collection

**young-survivor**, cycle, confidence 98 %

- retains: 96.3 MB in 940 cycles, growth +152 kB/s (+1.57 cycles/s)
- held by: app.models.Node.parent
- owner: application

| type              |   objects |    size |
|:------------------|----------:|--------:|
| `bytes`           |       940 | 92.1 MB |
| `app.models.Node` |    47,120 | 4.20 MB |

```text
┬ root       app.models.Node × 940
├─ children  list × 940
├─ [*]       app.models.Node × 46,180
╰→ parent    app.models.Node × 940
   ~~~~~~
```

For:

- No root reaches them; 91 % are in generation 2, and the next full collection needs 61,200 more survivors.

**Fix: collect**, break the cycle or collect after large replies

- why: Payload bytes do not count towards the collector's thresholds.
- how: Make app.models.Node.parent a weakref.ref, or call gc.collect() 5 s after a large reply.
- saves: 96.3 MB now
- price: gc.collect() stops this process for about 60 ms
- recipe: collect
"""

CLEAN = """\
## leakkit: no leak found

clean: nothing grows and nothing large is reclaimable in 1.04 GB.

- pid 4242, Python 3.11.7, `python -m app.server --port 8765`
- 3 snapshots over 40 s, 1,413,000 objects, 4,027,000 references, target paused 20 ms at most
- collector: generational, thresholds 700/10/10, enabled

| where the memory is   |           size |   share |     growth | note                                        |
|:----------------------|---------------:|--------:|-----------:|:--------------------------------------------|
| live objects          |       865.0 MB |    83 % | +1.21 MB/s |                                             |
| garbage               |        96.3 MB |   9.2 % |  +152 kB/s |                                             |
| allocator slack       |        41.3 MB |   4.0 % |      0 B/s | malloc\\_trim(0) in the copy gave back 41 MB |
| native memory         |        14.0 MB |   1.3 % |      0 B/s |                                             |
| file-mapped           |        21.0 MB |   2.0 % |      0 B/s |                                             |
| stacks                |         0.4 MB |   0.0 % |      0 B/s |                                             |
| unexplained           |         3.1 MB |   0.3 % |      0 B/s |                                             |
| **resident (RSS)**    | **1,041.1 MB** |   100 % | +1.36 MB/s |                                             |

### Large, and not a leak

- app.cache.\\_sessions (11.4 MB): a bounded cache (maxsize 50,000) that is 61 % full; it will be full in about 20 min at 19 MB
"""


def test_clean_report() -> None:
    """The whole report without findings."""
    assert render(clean_report(), "markdown") == CLEAN


def test_finding() -> None:
    """A whole finding: facts, types, path, evidence, fix."""
    text = render(replace(leak_report(), findings=(garbage_finding(),)), "markdown")
    assert GARBAGE in text


def test_code_in_leakkits_own_sentences_stays_code() -> None:
    """Backticks in the recommendation are code spans, not escaped characters."""
    assert "write `del items, data` after `await ws.send(data)`" in render(leak_report(), "markdown")


def outside_code(text: str) -> str:
    """The markdown without fenced blocks and code spans, where nothing is interpreted."""
    text = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$", "", text)
    return re.sub(r"(?<![\\`])(`+)(?!`).+?(?<!`)\1(?!`)", "", text)


def test_hostile_names_become_no_markup() -> None:
    """No HTML, mention, issue reference, link or table cell comes out of a name."""
    text = outside_code(render(hostile_report(), "markdown"))
    text = text.replace("<!-- -->", "\0")
    assert not re.search(r"(?<!\\)<", text)
    assert "@team" not in text
    assert "#12" not in text
    assert "www." not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("sample", ALL)
def test_tables_keep_their_columns(sample) -> None:
    """A pipe in a name starts no new cell."""
    for block in re.findall(r"(?m)(?:^\|.*\n)+", render(sample(), "markdown")):
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(columns) == 1


def test_code_fences_outnumber_backticks() -> None:
    """A name with backticks cannot leave its code span."""
    assert markdown_code("a `b` ``c``") == "``` a `b` ``c`` ```"
    assert markdown_code("") == "`  `"
    assert markdown_code("a|b", in_table=True) == "`a\\|b`"


def test_plain_text_escapes() -> None:
    """Everything that markdown would interpret is escaped."""
    assert markdown("*a* [b](c) <d> |e| #1 @f http://g") == "\\*a\\* \\[b\\](c) \\<d\\> \\|e\\| \\#<!-- -->1 @<!-- -->f http<!-- -->://g"
    assert markdown_prose("call `gc.collect()` <now>") == "call `gc.collect()` \\<now\\>"


def test_inconclusive_lists_what_is_missing() -> None:
    """Warnings come last, under their own title."""
    assert render(inconclusive_report(), "markdown").endswith(
        "### Warnings\n\n- The copy reached its time limit after 60 s: take snapshots with --timeout 120.\n"
    )
