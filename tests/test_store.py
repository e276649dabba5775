"""The snapshot file: what is written is read back, and whatever is not a snapshot is refused."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from heap_dump import Dump
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leakkit import store
from leakkit.errors import ExitCode, LeakkitError, SnapshotFileError
from leakkit.probe_model import Allocations, ProbeResult, WindowFacts
from leakkit.snapshot_model import Snapshot, TaskInfo, ThreadInfo
from leakkit.store.blocks import pack_block, unpack


def sample() -> Snapshot:
    """A small heap with every table filled."""
    dump = Dump()
    cache = dump.dict({"key": dump.bytes(1000), 3: dump.list(dump.str(10))})
    dump.module("app", file="/srv/app.py")["CACHE"] = cache
    dump.module("app")["worker"] = dump.coroutine("handler", locals={"data": dump.bytes(5000)})
    dump.module("app")["queue"] = dump.deque(dump.str(1), maxlen=5)
    dump.function("use", module="app", bind=True, defaults={"x": dump.list()})
    snapshot = dump.snapshot(check=False)
    return dataclasses.replace(
        snapshot,
        threads=(
            ThreadInfo("MainThread", 1, 2, False, (("run", "app.py", 3),)),
            ThreadInfo("\udce4", 4, None, None, ()),
        ),
        tasks=(TaskInfo("task", 1, -1, "pending", "handler", "app.py", 7),),
        values={0: "'text \N{SNOWMAN}'"},
        warnings=("careful",),
        allocations=allocations(),
        probes=(ProbeResult("memray", "ok", data={"seconds": 30.0}), ProbeResult("guppy3", "skipped", "not installed")),
    )


def allocations() -> Allocations:
    """Two blocks of one stack of two frames."""
    return Allocations(
        node=np.array([-1, 0], np.int32),
        bytes=np.array([100, 2000], np.int64),
        blocks=np.array([1, 2], np.int32),
        stack=np.array([0, 0], np.int32),
        stack_start=np.array([0, 2], np.int64),
        frame=np.array([1, 0], np.int32),
        frame_function=np.array([1, 2], np.int32),
        frame_file=np.array([3, 3], np.int32),
        frame_line=np.array([7, 9], np.int32),
        stack_library=np.array([2], np.int32),
        stack_extension=np.array([0], np.int32),
        strings=("", "main", "load", "/srv/app.py"),
        facts=WindowFacts("memray", 30.0, 1234, native=False, ended="asked"),
    )


def assert_same(one: Any, other: Any, where: str = "snapshot") -> None:
    """Equal in every field, columns included."""
    assert type(one) is type(other), where
    if dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            if field.name != "file" or where != "snapshot":
                assert_same(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, where
        assert (one == other).all(), where
    else:
        assert one == other, where


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a good file."""
    path = tmp_path_factory.mktemp("store") / "a.leak"
    store.write(sample(), path)
    return path.read_bytes()


def test_round_trip(tmp_path: Path) -> None:
    """Every column and record comes back as it was."""
    path = tmp_path / "a.leak"
    store.write(sample(), path)
    back = store.read(path)
    assert_same(sample(), back)
    assert back.file == str(path)


def test_file_is_private_and_nothing_else_is_left(tmp_path: Path) -> None:
    """Mode 0600 whatever the umask, and no temporary file."""
    old = os.umask(0)
    try:
        store.write(sample(), tmp_path / "a.leak")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.leak").stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["a.leak"]


def test_failed_write_keeps_the_old_file(tmp_path: Path, raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot that cannot be written leaves what was there."""
    path = tmp_path / "a.leak"
    path.write_bytes(raw)
    broken = dataclasses.replace(sample(), warnings=(object(),))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        store.write(broken, path)
    assert path.read_bytes() == raw
    assert os.listdir(tmp_path) == ["a.leak"]


def test_unwritable_place_is_an_error_with_a_hint(tmp_path: Path) -> None:
    """One line, a hint, and the exit code of files."""
    with pytest.raises(SnapshotFileError) as caught:
        store.write(sample(), tmp_path / "none" / "a.leak")
    assert caught.value.hint
    assert caught.value.exit_code == ExitCode.SNAPSHOT_FILE


def test_peek_lists_the_sections(tmp_path: Path, raw: bytes) -> None:
    """Names and sizes without reading the columns."""
    path = tmp_path / "a.leak"
    path.write_bytes(raw)
    sections = {section.name: section for section in store.peek(path).sections}
    assert {"facts", "graph.address", "graph.strings.text", "roots.node", "views.extent"} <= set(sections)
    assert sections["graph.address"].bytes == 8 * sample().graph.node_count
    assert sum(section.stored_bytes for section in sections.values()) < len(raw)


@pytest.mark.parametrize(
    "content",
    [b"", b"LEAK", b"\x80\x04cos\nsystem\n", b"LEAKKIT\0", b"LEAKKIT\0" + struct.pack("<II", 99, 0), b"x" * 5000],
    ids=["empty", "short", "pickle", "no version", "newer", "other"],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    """Not a snapshot, or one of another version: an error that names the file."""
    path = tmp_path / "a.leak"
    path.write_bytes(content)
    for operation in (store.read, store.peek):
        with pytest.raises(SnapshotFileError) as caught:
            operation(path)
        assert str(path) in caught.value.message
        assert "\n" not in caught.value.message
        assert caught.value.hint


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    """No such file, a folder, a device."""
    for path in (tmp_path / "none.leak", tmp_path, Path("/dev/null")):
        with pytest.raises(SnapshotFileError):
            store.read(path)


def test_every_truncation_is_noticed(tmp_path: Path, raw: bytes) -> None:
    """A file cut at any of many places is refused, never half read."""
    path = tmp_path / "a.leak"
    for length in range(0, len(raw), max(len(raw) // 150, 1)):
        path.write_bytes(raw[:length])
        with pytest.raises(SnapshotFileError):
            store.read(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**9), bit=st.integers(0, 7))
def test_every_flipped_bit_is_noticed_or_harmless(tmp_path: Path, raw: bytes, place: int, bit: int) -> None:
    """Checksums: one wrong bit anywhere is refused (four bytes of the start are reserved)."""
    bent = bytearray(raw)
    place %= len(raw)
    bent[place] ^= 1 << bit
    path = tmp_path / "a.leak"
    path.write_bytes(bent)
    if 12 <= place < 16:
        store.read(path)
    else:
        with pytest.raises(SnapshotFileError):
            store.read(path)


def parts(raw: bytes) -> list[tuple[dict[str, Any], bytes]]:
    """The blocks of a file as (header, payload)."""
    found, position = [], 16
    while position < len(raw):
        length, _ = struct.unpack_from("<II", raw, position)
        header = json.loads(raw[position + 8 : position + 8 + length])
        position += 8 + length
        found.append((header, raw[position : position + header["stored"]]))
        position += header["stored"]
    return found


def joined(blocks: list[tuple[dict[str, Any], bytes]], start: bytes) -> bytes:
    """A file of those blocks, with right checksums: what an attacker would make."""
    out = [start]
    for header, payload in blocks:
        data = json.dumps(header).encode()
        out.append(struct.pack("<II", len(data), zlib.crc32(data)) + data + payload)
    return b"".join(out)


HOSTILE = {
    "count": st.sampled_from([-1, 0, 1, 7, 2**31, 2**63, 10**30, 1.5, "9", None]),
    "raw": st.sampled_from([-1, 0, 1, 2**20, 2**40, 2**70, "1", None]),
    "stored": st.sampled_from([-5, 0, 1, 2**40, None]),
    "dtype": st.sampled_from(["O", "<f8", "u1", "<i8", "<i4", "V1000000000", "", 5]),
    "codec": st.sampled_from(["raw", "zstd", "lzma", None]),
    "transform": st.sampled_from(["plain", "shuffle", "eval", 3]),
    "name": st.sampled_from(["facts", "graph.address", "end", "x" * 5000, 3]),
}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_hostile_headers_are_refused(tmp_path: Path, raw: bytes, data: st.DataObject) -> None:
    """A header that lies, with a right checksum, is a ``SnapshotFileError`` or changes nothing that is read."""
    blocks = parts(raw)
    index = data.draw(st.integers(0, len(blocks) - 1))
    field = data.draw(st.sampled_from(sorted(HOSTILE)))
    header = dict(blocks[index][0])
    header[field] = data.draw(HOSTILE[field])
    blocks[index] = (header, blocks[index][1])
    path = tmp_path / "a.leak"
    path.write_bytes(joined(blocks, raw[:16]))
    try:
        store.read(path)
    except LeakkitError as error:
        assert isinstance(error, SnapshotFileError)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_hostile_columns_are_refused_or_consistent(tmp_path: Path, raw: bytes, data: st.DataObject) -> None:
    """Wrong numbers in a column, with right checksums: refused, or within every table's range."""
    blocks = parts(raw)
    index = data.draw(st.integers(0, len(blocks) - 2))
    header, payload = blocks[index]
    plain = bytearray(zstandard.ZstdDecompressor().decompress(payload) if header["codec"] == "zstd" else payload)
    for _ in range(data.draw(st.integers(1, 4))):
        if plain:
            plain[data.draw(st.integers(0, len(plain) - 1))] = data.draw(st.integers(0, 255))
    blocks[index] = (header | {"codec": "raw", "stored": len(plain), "crc32": zlib.crc32(bytes(plain))}, bytes(plain))
    path = tmp_path / "a.leak"
    path.write_bytes(joined(blocks, raw[:16]))
    try:
        graph = store.read(path).graph
    except SnapshotFileError:
        return
    assert (np.diff(graph.edge_start) >= 0).all()
    assert graph.edge_start[-1] == graph.edge_count
    assert graph.edge_count == 0 or (0 <= graph.edge_target.min() and graph.edge_target.max() < graph.node_count)
    assert graph.type_id.max() < len(graph.types)


def test_a_small_file_cannot_make_the_reader_allocate_much(tmp_path: Path, raw: bytes) -> None:
    """A header that promises a terabyte costs nothing; a zip bomb is cut at what a block can really hold."""
    blocks = parts(raw)
    header, payload = blocks[1]
    for promise in (2**40, 2**33):
        lying = header | {"raw": promise, "count": promise // 8}
        path = tmp_path / "a.leak"
        path.write_bytes(joined([blocks[0], (lying, payload), *blocks[2:]], raw[:16]))
        tracemalloc.start()
        try:
            with pytest.raises(SnapshotFileError):
                store.read(path)
            assert tracemalloc.get_traced_memory()[1] < 5 << 20
        finally:
            tracemalloc.stop()


def test_a_frame_that_promises_more_than_its_header_is_not_unpacked(tmp_path: Path, raw: bytes) -> None:
    """zstd allocates what a frame says: one of 64 MB behind a header of 200 KB is refused."""
    blocks = parts(raw)
    header, _ = blocks[1]
    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 26)).ljust(1000, b"\0")
    lying = header | {"codec": "zstd", "stored": len(bomb), "raw": 200_000, "count": 25_000, "crc32": zlib.crc32(bomb)}
    path = tmp_path / "a.leak"
    path.write_bytes(joined([blocks[0], (lying, bomb), *blocks[2:]], raw[:16]))
    with pytest.raises(SnapshotFileError, match="not as long as it says"):
        store.read(path)


def test_a_column_of_one_value_keeps_the_bound(tmp_path: Path) -> None:
    """What packs better than the reader's bound is filled up, so that it can be read back."""
    column = np.zeros(3_000_000, np.int32)
    _, data, payload = pack_block("x", column, "<i4")
    assert len(payload) * 1024 >= column.nbytes > len(payload) * 1000
    assert np.array_equal(unpack(json.loads(data), payload), column)


def test_deep_json_is_refused(tmp_path: Path, raw: bytes) -> None:
    """Facts nested a hundred thousand times deep do not break the reader."""
    blocks = parts(raw)
    text = b"[" * 100_000
    header = blocks[0][0] | {
        "codec": "raw",
        "stored": len(text),
        "raw": len(text),
        "count": len(text),
        "crc32": zlib.crc32(text),
    }
    path = tmp_path / "a.leak"
    path.write_bytes(joined([(header, text), *blocks[1:]], raw[:16]))
    with pytest.raises(SnapshotFileError, match="facts"):
        store.read(path)


def test_a_device_or_pipe_is_never_replaced(tmp_path: Path) -> None:
    """Renaming a snapshot over a device (``-o /dev/null`` as root) would break the machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(SnapshotFileError, match="regular file"):
        store.write(sample(), pipe)
    assert pipe.is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_file_without_the_sections_of_probes_is_read(tmp_path: Path) -> None:
    """They are optional."""
    plain = dataclasses.replace(sample(), allocations=None, probes=())
    store.write(plain, tmp_path / "a.leak")
    assert "probes" not in {section.name for section in store.peek(tmp_path / "a.leak").sections}
    assert_same(plain, store.read(tmp_path / "a.leak"))


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("node", np.array([0, 10_000], np.int32)),
        ("stack", np.array([0, 1], np.int32)),
        ("stack", np.array([0], np.int32)),
        ("stack_start", np.array([0, 3], np.int64)),
        ("frame", np.array([1, 2], np.int32)),
        ("frame_file", np.array([3, 4], np.int32)),
        ("bytes", np.array([-1, 2], np.int64)),
        ("stack_library", np.array([9], np.int32)),
        ("stack_extension", np.array([0, 0], np.int32)),
    ],
)
def test_allocations_that_contradict_themselves_are_refused(tmp_path: Path, field: str, column: np.ndarray) -> None:
    """No row may lead out of its table."""
    bent = dataclasses.replace(allocations(), **{field: column})
    store.write(dataclasses.replace(sample(), allocations=bent), tmp_path / "a.leak")
    with pytest.raises(SnapshotFileError, match="damaged"):
        store.read(tmp_path / "a.leak")
