"""Find the interpreter inside a target: its version, and where the functions are that a keeper calls.

Symbols come from ``.dynsym`` of libpython or of the statically linked executable (stripped ones keep it), read through
``/proc/PID/root`` or ``/proc/PID/exe``, with pyelftools.
"""

from __future__ import annotations

import os
import re
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from leakkit.capture.arch import Arch, this_machine
from leakkit.capture.processes import Mapping, Process, looks_like_python, read_maps, refusal
from leakkit.capture.safe_place import CALLED, OPTIONAL
from leakkit.errors import NoSuchProcess, NotPython, UnsupportedTarget

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_OLDEST: Final = (3, 9)
_LIBC: Final = ("mmap", "munmap", "__errno_location")
_PYTHON: Final = tuple(name for name in CALLED if name not in _LIBC)
_MARKS: Final = ("_PyRuntime", "Py_Version", "PyFrame_GetCode", "_Py_MergeZeroLocalRefcount")
"""Layout root; version number (3.11+); only in 3.9+; only in free-threaded builds."""


@dataclass(frozen=True)
class Interpreter:
    """A CPython in a running process; addresses are absolute."""

    version: tuple[int, int] | None
    """(major, minor) where the target says it (3.11+)."""
    functions: dict[str, int]
    runtime: tuple[int, int]
    entry: int
    entry_code: bytes
    arch: Arch


@dataclass(frozen=True)
class _Image:
    """One ELF file as it is mapped: symbols found, with their sizes."""

    symbols: dict[str, tuple[int, int]]
    entry: int
    entry_code: bytes
    loader: str
    """The dynamic linker it asks for."""


@contextmanager
def _opened(process: Process, mapping: Mapping) -> Iterator[IO[bytes]]:
    """The mapped file, also when it was replaced or lies in another mount namespace.

    ``map_files`` is the mapped file itself but needs a capability.  Paths are matched by inode; on overlay file systems
    the map's inode is another one than ``stat`` says, so a path that was not deleted is believed in the end.
    """
    span = f"{mapping.start:x}-{mapping.end:x}"
    paths = (process.path(mapping.path), Path(mapping.path))
    candidates = [
        (Path(f"/proc/{process.pid}/map_files/{span}"), True),
        *((path, False) for path in (*paths, Path(f"/proc/{process.pid}/exe"))),
        *((path, True) for path in paths if not mapping.deleted),
    ]
    for path, believed in candidates:
        try:
            file = path.open("rb")
        except OSError:
            continue
        with file:
            if believed or os.fstat(file.fileno()).st_ino == mapping.inode:
                yield file
                return
    raise UnsupportedTarget(
        f"the interpreter's file {mapping.path} of process {process.pid} cannot be read or was replaced",
        "run leakkit as root, or restart the service after the upgrade",
    )


def _header(file: IO[bytes], process: Process, arch: Arch) -> Any:
    elf: Any = ELFFile(file)
    machine = elf.header["e_machine"]
    if elf.elfclass != 64 or machine != arch.elf_machine:
        raise UnsupportedTarget(
            f"process {process.pid} is a {elf.elfclass}-bit {machine.removeprefix('EM_')} program, "
            f"leakkit enters {arch.name} ones",
            "run a leakkit of the same architecture, or launch the program with leakkit",
        )
    return elf


def _symbols(elf: Any, names: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Value and size of the defined symbols among ``names``, by hash table where there is one."""
    wanted = tuple(names)
    table = elf.get_section_by_name(".gnu.hash") or elf.get_section_by_name(".hash")
    if table is not None:
        hits = [table.get_symbol(name) for name in wanted]
    else:
        section = elf.get_section_by_name(".dynsym")
        hits = [hit for name in wanted for hit in (section.get_symbol_by_name(name) or ())] if section else []
    return {
        hit.name: (hit["st_value"], hit["st_size"])
        for hit in hits
        if hit is not None and hit["st_shndx"] != "SHN_UNDEF" and hit["st_value"]
    }


def _read_image(process: Process, mapping: Mapping, first: Mapping, names: Iterable[str], arch: Arch) -> _Image:
    """Symbols at their absolute addresses; ``first`` is the mapping of the file's beginning."""
    try:
        with _opened(process, mapping) as file:
            elf = _header(file, process, arch)
            bias = 0
            if elf.header["e_type"] == "ET_DYN":
                load = next(part for part in elf.iter_segments() if part["p_type"] == "PT_LOAD")
                bias = first.start - (load["p_vaddr"] - load["p_offset"] + first.offset)
            entry = elf.header["e_entry"]
            code = next(
                (
                    _at(file, part["p_offset"] + entry - part["p_vaddr"], len(arch.breakpoint))
                    for part in elf.iter_segments()
                    if part["p_type"] == "PT_LOAD" and part["p_vaddr"] <= entry < part["p_vaddr"] + part["p_filesz"]
                ),
                b"",
            )
            found = {name: (value + bias, size) for name, (value, size) in _symbols(elf, names).items()}
            loader = next((part.get_interp_name() for part in elf.iter_segments() if part["p_type"] == "PT_INTERP"), "")
            return _Image(found, entry + bias, code, loader)
    except (ELFError, StopIteration, struct.error) as error:
        raise UnsupportedTarget(
            f"{mapping.path} of process {process.pid} is not a readable ELF file: {error}"
        ) from None


def _at(file: IO[bytes], offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)


def _by_file(maps: tuple[Mapping, ...]) -> dict[str, Mapping]:
    """First mapping of each mapped file."""
    found: dict[str, Mapping] = {}
    for mapping in maps:
        if mapping.inode and mapping.path.startswith("/"):
            found.setdefault(mapping.path, mapping)
    return found


def _executable(process: Process, files: dict[str, Mapping]) -> Mapping:
    try:
        status = Path(f"/proc/{process.pid}/exe").stat()
        inner = Path(f"/proc/{process.pid}/exe").readlink()
    except PermissionError:
        raise refusal(process) from None
    except FileNotFoundError:
        raise NoSuchProcess(
            f"process {process.pid} ended, or is a kernel thread", "pgrep -a python lists the others"
        ) from None
    for mapping in files.values():
        if mapping.inode == status.st_ino and Path(mapping.path).name == inner.name.removesuffix(" (deleted)"):
            return mapping
    for mapping in files.values():
        if mapping.inode == status.st_ino:
            return mapping
    raise NotPython(f"process {process.pid} ({process.name}) runs no program from a file")


def find_interpreter(process: Process) -> Interpreter:
    """The CPython inside a process.

    Raises:
        NotPython: none there.
        UnsupportedTarget: older than 3.9, free-threaded, on musl, of another architecture, or without symbols.
        PermissionRefused: the kernel does not show its memory map.
        NoSuchProcess: it ended.
    """
    arch = this_machine()
    if arch is None:
        raise UnsupportedTarget(
            "leakkit enters processes on x86-64 and aarch64 only", "launch the program with leakkit"
        )
    maps = read_maps(process)
    files = _by_file(maps)
    executable = _executable(process, files)
    main = _read_image(process, executable, executable, (*_PYTHON, *OPTIONAL, *_MARKS), arch)
    library = next(
        (mapping for path, mapping in files.items() if "/libpython" in path and "libpython3.so" not in path),
        None,
    )
    image = main
    if "_PyRuntime" not in main.symbols and library is not None:
        image = _read_image(process, library, library, (*_PYTHON, *OPTIONAL, *_MARKS), arch)
    _require_python(process, maps, image)
    if "/ld-musl-" in main.loader:
        raise _musl(process)
    libc = _find_libc(process, files, arch)
    functions = {name: place for name, (place, _) in {**image.symbols, **libc}.items() if name in (*CALLED, *OPTIONAL)}
    missing = [name for name in CALLED if name not in functions]
    if missing:
        raise _no_symbols(process, missing)
    start, size = image.symbols["_PyRuntime"]
    if "_Py_MergeZeroLocalRefcount" in image.symbols:
        raise UnsupportedTarget(
            f"process {process.pid} runs a free-threaded Python, whose heap leakkit cannot read",
            "run the service on the build with the GIL to diagnose it",
        )
    return Interpreter(
        version=_version(process, image, library, executable), functions=functions, runtime=(start, start + size),
        entry=main.entry, entry_code=main.entry_code, arch=arch,
    )  # fmt: skip


def _require_python(process: Process, maps: tuple[Mapping, ...], image: _Image) -> None:
    if "_PyRuntime" in image.symbols and "PyFrame_GetCode" in image.symbols:
        return
    if "_PyRuntime" in image.symbols or "PyRun_SimpleString" in image.symbols:
        raise UnsupportedTarget(
            f"process {process.pid} runs a Python older than {_OLDEST[0]}.{_OLDEST[1]}",
            "leakkit reads Python 3.9 to 3.15",
        )
    if not looks_like_python(maps):
        raise NotPython(
            f"process {process.pid} ({process.name}) has no Python interpreter in it",
            f"its Python children, if any: leakkit snapshot --tree {process.pid}",
        )
    if "/ld-musl-" in image.loader:
        raise _musl(process)
    raise _no_symbols(process, ["_PyRuntime"])


def _musl(process: Process) -> UnsupportedTarget:
    return UnsupportedTarget(
        f"process {process.pid} runs on musl, where leakkit cannot enter or read the allocator",
        "launch it with `leakkit snapshot -- COMMAND`, or use a glibc image such as python:3-slim",
    )


def _no_symbols(process: Process, missing: list[str]) -> UnsupportedTarget:
    return UnsupportedTarget(
        f"the interpreter's symbols cannot be found in process {process.pid} (no {missing[0]} in .dynsym)",
        "launch it with `leakkit snapshot -- COMMAND`, or call leakkit.agent.listen() in it",
    )


def _find_libc(process: Process, files: dict[str, Mapping], arch: Arch) -> dict[str, tuple[int, int]]:
    for path, mapping in files.items():
        if re.search(r"/libc(-[0-9.]+)?\.so(\.6)?$", path):
            return _read_image(process, mapping, mapping, _LIBC, arch).symbols
    return {}


def _version(process: Process, image: _Image, library: Mapping | None, executable: Mapping) -> tuple[int, int] | None:
    """``Py_Version`` read from its memory, else from the name of its file."""
    if place := image.symbols.get("Py_Version"):
        try:
            with Path(f"/proc/{process.pid}/mem").open("rb", buffering=0) as memory:
                memory.seek(place[0])
                number = int.from_bytes(memory.read(8), "little")
        except OSError:
            return None
        return number >> 24 & 0xFF, number >> 16 & 0xFF
    for mapping in (library, executable):
        if mapping and (match := re.search(r"python(\d)\.(\d+)", Path(mapping.path).name)):
            return int(match[1]), int(match[2])
    return None
