"""The host's side of a capture: the memory map, and dumps that are not what the agent writes."""

from __future__ import annotations

import os
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leakkit.capture import memory_map, pack
from leakkit.capture.raw_dump import MAGIC, read_dump
from leakkit.errors import CaptureFailed, LeakkitError, NoSuchProcess

SMAPS = """\
00400000-00500000 r-xp 00000000 08:01 1                                  /usr/bin/python3
Rss:                 100 kB
Anonymous:             0 kB
Swap:                  0 kB
00600000-00700000 rw-p 00000000 08:01 1                                  /usr/bin/python3
Rss:                  80 kB
Anonymous:            60 kB
Swap:                  4 kB
01000000-02000000 rw-p 00000000 00:00 0                                  [heap]
Rss:                1000 kB
Anonymous:          1000 kB
Swap:                  0 kB
7f0000000000-7f0000001000 ---p 00000000 00:00 0
Rss:                   0 kB
Anonymous:             0 kB
Swap:                  0 kB
7f0000001000-7f0000801000 rw-p 00000000 00:00 0
Rss:                  40 kB
Anonymous:            40 kB
Swap:                  0 kB
7f1000000000-7f1000100000 rw-p 00000000 00:00 0
Rss:                 512 kB
Anonymous:           512 kB
Swap:                  0 kB
7f2000000000-7f2000100000 r-xp 00000000 08:01 2                          /lib/x86_64-linux-gnu/libc.so.6
Rss:                 300 kB
Anonymous:             0 kB
Swap:                  0 kB
7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
Rss:                  20 kB
Anonymous:            20 kB
Swap:                  0 kB
"""


def test_smaps_parts_add_up() -> None:
    """Anonymous, file-backed and stack pages of a known map, in bytes."""
    facts = memory_map.summarise(memory_map.parse_smaps(SMAPS))
    assert facts.anonymous == (60 + 1000 + 512) * 1024
    assert facts.file_mapped == (100 + 20 + 300) * 1024
    assert facts.stacks == (40 + 20) * 1024
    assert facts.rss == 2052 * 1024
    assert facts.heap_segment == 1000 * 1024
    assert facts.swap == 4 * 1024
    assert facts.allocator == "glibc"
    assert facts.maps[0] == ("[heap]", 1000 * 1024)


def test_a_stack_pointer_finds_a_stack_of_unusual_size() -> None:
    """A mapping that a thread's stack pointer lies in is a stack whatever its size."""
    facts = memory_map.summarise(memory_map.parse_smaps(SMAPS), (0x7F1000000800,))
    assert facts.stacks == (40 + 20 + 512) * 1024


@pytest.mark.parametrize(
    ("name", "allocator"),
    [
        ("/usr/lib/libjemalloc.so.2", "jemalloc"),
        ("/usr/lib/libtcmalloc_minimal.so.4", "tcmalloc"),
        ("/opt/libmimalloc.so.2.1", "mimalloc"),
        ("/lib/ld-musl-x86_64.so.1", "musl"),
        ("/lib/libc-2.31.so", "glibc"),
        ("/lib/libcrypto.so.3", "unknown"),
    ],
)
def test_allocator_is_told_by_what_is_mapped(name: str, allocator: str) -> None:
    """A replaced malloc wins over the C library's own."""
    names = {name, "/lib/libc.so.6"} if allocator in {"jemalloc", "tcmalloc", "mimalloc"} else {name}
    assert memory_map.detect_allocator(names) == allocator


def test_own_memory_map_is_close_to_the_kernels_sum() -> None:
    """Of this very process, against ``smaps_rollup``."""
    facts = memory_map.read_map(os.getpid())
    rollup = Path("/proc/self/smaps_rollup").read_text().split("Rss:")[1].split()[0]
    assert abs(facts.rss - int(rollup) * 1024) < 4 << 20
    assert facts.anonymous + facts.file_mapped + facts.stacks == facts.rss


def test_process_that_is_gone_is_said_so() -> None:
    """No such process is an error of its own."""
    with pytest.raises(NoSuchProcess):
        memory_map.read_map(2**22 - 3)
    with pytest.raises(NoSuchProcess):
        pack.collect_host_facts(2**22 - 3, method="ptrace")


def test_every_agent_file_is_shipped_and_no_other_is_forgotten() -> None:
    """``AGENT_FILES`` names the files of the agent's folder, apart from what the host sends on other errands."""
    folder = Path(pack.__file__).parents[1] / "agent"
    others = {"__init__.py", "listen.py", "put_back.py", "window.py", "apply.py"}
    assert {path.name for path in folder.glob("*.py")} - others == set(pack.AGENT_FILES)


def section(name: bytes, code: bytes, count: int, payload: bytes) -> bytes:
    return name.ljust(24, b"\0") + code.ljust(8, b"\0") + count.to_bytes(8, "little") + payload


def test_sections_of_one_name_are_one_column(tmp_path: Path) -> None:
    """Parts are joined in their order."""
    path = tmp_path / "dump"
    first, second = np.arange(3, dtype="<u8").tobytes(), np.arange(2, dtype="<u8").tobytes()
    path.write_bytes(MAGIC + section(b"node", b"Q", 3, first) + section(b"node", b"Q", 2, second) + section(b"end", b"J", 0, b""))
    assert read_dump(path).column("node", "u8").tolist() == [0, 1, 2, 0, 1]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"LKDUMP01",
        MAGIC + section(b"node", b"Q", 2**61, b"12345678"),
        MAGIC + section(b"node", b"O", 1, b"12345678"),
        MAGIC + section(b"facts", b"J", 3, b"{{{") + section(b"end", b"J", 0, b""),
        MAGIC + section(b"node", b"Q", 1, b"12345678"),
    ],
    ids=["empty", "bare", "huge", "code", "json", "no end"],
)
def test_damaged_dumps_are_refused(tmp_path: Path, data: bytes) -> None:
    """Whatever does not fit is an error before anything is allocated for it."""
    path = tmp_path / "dump"
    path.write_bytes(data)
    with pytest.raises(CaptureFailed, match="damaged"):
        read_dump(path)


@dataclass
class RealDump:
    """What one capture of a real target handed over, and the peak of memory that packing it took."""

    raw: bytes
    started: dict[str, Any]
    done: dict[str, Any]
    facts: pack.HostFacts
    headers: list[int]
    peak: int = 0

    def pack(self, data: bytes, path: Path) -> tuple[int, LeakkitError | None]:
        """Pack other bytes in its place: the peak of memory in bytes, and how it was refused."""
        path.write_bytes(data)
        refusal = None
        tracemalloc.start()
        try:
            pack.build_snapshot(path, started=self.started, done=self.done, facts=self.facts)
        except LeakkitError as error:
            refusal = error
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return peak, refusal


def header_places(raw: bytes) -> list[int]:
    """Where the sections' headers start."""
    found, at = [], len(MAGIC)
    widths = {"Q": 8, "q": 8, "I": 4, "i": 4, "B": 1, "J": 1}
    while at + 40 <= len(raw):
        found.append(at)
        code = raw[at + 24 : at + 32].rstrip(b"\0").decode()
        at += 40 + int.from_bytes(raw[at + 32 : at + 40], "little") * widths[code]
    return found


@pytest.fixture(scope="module", params=["native", "python"])
def real_dump(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RealDump:
    """The raw dump of a real target by either walk, kept before the handover folder goes."""
    from support import Target

    from leakkit.capture import take

    kept: list[RealDump] = []

    def keep(dump_path: Path, *, started: dict[str, Any], done: dict[str, Any], facts: pack.HostFacts, recorded: None) -> None:
        raw = Path(dump_path).read_bytes()
        kept.append(RealDump(raw, started, done, facts, header_places(raw)))
        raise CaptureFailed("kept")

    with pytest.MonkeyPatch.context() as patch, Target("agent/thread_finalizer.py") as target:
        patch.setattr(pack, "build_snapshot", keep)
        patch.setenv("LEAKKIT_NO_NATIVE", "1" if request.param == "python" else "0")
        with pytest.raises(CaptureFailed, match="kept"):
            take.take_snapshot(target.pid)
    dump = kept[0]
    if (dump.started.get("walker") == "native") != (request.param == "native"):
        pytest.skip("no native walk here")
    dump.peak, refusal = dump.pack(dump.raw, tmp_path_factory.mktemp("dump") / "dump")
    assert refusal is None
    return dump


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bent_dumps_never_crash_the_host(real_dump: RealDump, tmp_path: Path, data: st.DataObject) -> None:
    """Bytes changed or cut anywhere give a snapshot or a ``LeakkitError``, and take no more memory than the honest dump."""
    raw = real_dump.raw
    bent = bytearray(raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw)
    in_headers = st.sampled_from(real_dump.headers).flatmap(lambda start: st.integers(start, start + 39))
    for _ in range(data.draw(st.integers(0, 8))):
        place = data.draw(st.one_of(st.integers(0, len(raw) - 1), in_headers))
        if place < len(bent):
            bent[place] = data.draw(st.integers(0, 255))
    assert real_dump.pack(bytes(bent), tmp_path / "dump")[0] < 2 * real_dump.peak
