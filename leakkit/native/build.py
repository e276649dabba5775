"""Compiles the C sources of this folder; standard library only, so that the package's build can load it by path.

Two shared objects come out: ``_kernels.so`` for leakkit's own process, and ``_walk.so``, which is loaded into
targets and therefore freestanding.  ``python leakkit/native/build.py`` builds both in place.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE: Final = Path(__file__).parent
FLAGS: Final = {
    "kernels": ("-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra"),
    "walk": (
        *("-std=gnu11", "-O2", "-fPIC", "-shared", "-nostdlib", "-ffreestanding"),
        *("-fno-stack-protector", "-fvisibility=hidden", "-Wall", "-Wextra"),
    ),
}
"""The compiler's flags for each folder of sources."""
SWITCH: Final = "LEAKKIT_NO_NATIVE"
"""Environment variable that turns the C parts off, at build and at run time."""


class NoCompilerError(Exception):
    """There is no C compiler, or it cannot compile the sources; says why."""


def switched_off() -> bool:
    """Whether the environment asks for the Python parts only."""
    return os.environ.get(SWITCH, "") not in {"", "0"}


def sources(part: str) -> list[Path]:
    """The C files and headers of ``kernels`` or ``walk``, in a fixed order; none when the folder is not there."""
    return sorted(path for path in (HERE / part).glob("*.[ch]"))


def fingerprint(part: str) -> str:
    """A hash of the sources, which the built object repeats: an object of other sources is not used."""
    found = hashlib.sha256()
    for path in sources(part):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def compilers() -> list[list[str]]:
    """The commands to try: ``$CC`` alone when it is set, else the usual names that are on the path."""
    if chosen := shlex.split(os.environ.get("CC", "")):
        return [chosen]
    return [[name] for name in ("cc", "gcc", "clang") if shutil.which(name)]


def compile_part(part: str, folder: Path, extra: Sequence[str] = ()) -> Path | None:
    """Compile one part.

    Args:
        part: ``kernels`` or ``walk``.
        folder: where ``_<part>.so`` goes.
        extra: more flags (a sanitizer, ``-Werror``).

    Returns:
        The shared object, or None when the part has no sources.

    Raises:
        NoCompilerError: no compiler made it.
    """
    files = [str(path) for path in sources(part) if path.suffix == ".c"]
    if not files:
        return None
    output = folder / f"_{part}.so"
    aside = folder / f"._{part}.{os.getpid()}.so"
    complaint = "no C compiler found (cc, gcc, clang or $CC)"
    for compiler in compilers():
        mark = f'-DLK_FINGERPRINT="{fingerprint(part)}"'
        command = [*compiler, *FLAGS[part], mark, *extra, "-o", str(aside), *files]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            complaint = f"{compiler[0]}: {error.strerror or error}"
            continue
        if done.returncode == 0 and aside.exists():
            aside.replace(output)  # never half an object, and never one that a process has mapped
            return output
        complaint = f"{compiler[0]} failed: {(done.stderr or done.stdout).strip()[-400:] or done.returncode}"
    aside.unlink(missing_ok=True)
    raise NoCompilerError(complaint)


def compile_all(folder: Path, extra: Sequence[str] = ()) -> list[Path]:
    """Compile both parts.

    Raises:
        NoCompilerError: no compiler made them.
    """
    made = [compile_part(part, folder, extra) for part in FLAGS]
    return [path for path in made if path is not None]


if __name__ == "__main__":
    compile_all(HERE, sys.argv[1:])
