"""The C parts: what they link against, that they compile without a warning, and life without them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from leakkit import native
from leakkit.native import build, shipped

needs_compiler = pytest.mark.skipif(not build.compilers(), reason="no C compiler")
PARTS = [part for part in build.FLAGS if build.sources(part)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not build.compilers():
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("native")
    build.compile_all(folder, ["-Werror"])
    return folder


@pytest.mark.parametrize("part", PARTS)
def test_compiles_without_a_warning_and_needs_only_an_old_glibc(built: Path, part: str) -> None:
    """No symbol is newer than glibc 2.17; the part that goes into targets needs no symbol at all."""
    from elftools.elf.elffile import ELFFile
    from elftools.elf.gnuversions import GNUVerNeedSection

    with (built / f"_{part}.so").open("rb") as file:
        elf = ELFFile(file)
        needs = [s for s in elf.iter_sections() if isinstance(s, GNUVerNeedSection)]
        versions = [str(aux.name) for need in needs for _, auxes in need.iter_versions() for aux in auxes]
        symbols = [s for s in elf.get_section_by_name(".dynsym").iter_symbols() if s.name]
    for version in versions:
        number = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", version)
        assert number, version
        assert (int(number[1]), int(number[2])) <= (2, 17), version
    undefined = {s.name for s in symbols if s.entry.st_shndx == "SHN_UNDEF" and s.entry.st_info.bind == "STB_GLOBAL"}
    if part == "walk":
        assert undefined == set()
    exported = {s.name for s in symbols if s.entry.st_shndx != "SHN_UNDEF"}
    assert all(name.startswith("lk_") for name in exported if part == "kernels")


@pytest.mark.skipif(not shutil.which("aarch64-linux-gnu-gcc"), reason="no cross compiler for aarch64")
def test_compiles_for_aarch64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No warning there either; nothing of it can be run here."""
    monkeypatch.setenv("CC", "aarch64-linux-gnu-gcc")
    assert [path.name for path in build.compile_all(tmp_path, ["-Werror"])] == ["_kernels.so", "_walk.so"]


def test_an_object_of_other_sources_is_not_used(tmp_path: Path) -> None:
    """The fingerprint of the sources is in the object and is compared."""
    if not native.loaded():
        pytest.skip(native.why_not())
    old = (build.HERE / "_kernels.so").read_bytes()
    (tmp_path / "old.so").write_bytes(old.replace(build.fingerprint("kernels").encode(), b"0" * 16))
    done = ask("from leakkit import native; print(native.loaded(), native.why_not())", LEAKKIT_KERNELS=str(tmp_path / "old.so"))
    assert done == "False the C parts were compiled from other sources; reinstall leakkit"


def test_a_walk_of_other_sources_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for the object that goes into targets."""
    if not build.compilers():
        pytest.skip("no C compiler")
    monkeypatch.setattr(build, "HERE", tmp_path)
    for folder in ("walk", "kernels"):
        shutil.copytree(Path(native.__file__).parent / folder, tmp_path / folder)
    monkeypatch.setattr(shipped, "_read", shipped._read.__wrapped__)
    assert "without its native walk" in shipped.why_no_walk()
    build.compile_part("walk", tmp_path)
    assert shipped.walk_object() == (tmp_path / shipped.OBJECT).read_bytes()
    (tmp_path / "walk" / "walk.h").write_text("/* */")
    assert shipped.walk_object() is None
    assert shipped.why_no_walk() == "the native walk was compiled from other sources; reinstall leakkit"


@pytest.mark.parametrize("how", [{"LEAKKIT_NO_NATIVE": "1"}, {"LEAKKIT_KERNELS": "/nowhere/x.so"}])
def test_works_and_says_so_without_the_c_parts(how: dict[str, str]) -> None:
    """Without the object, or switched off, numpy does the work and --version says why."""
    text = ask("from leakkit.commands import main; import sys; sys.argv[1:] = ['--version']; main()", **how)
    assert text.startswith("leakkit ")
    assert "without its C parts" in text
    assert ask("import numpy as np; from leakkit.heap import trees; print(trees.depths(np.array([-1, 0, 1], np.int32)).tolist())", **how) == "[0, 1, 2]"


def test_igraph_is_not_loaded_where_the_kernels_are() -> None:
    """It is the fallback's; starting does not wait for it."""
    if not native.loaded():
        pytest.skip(native.why_not())
    assert ask("import sys, leakkit.heap.analysis; print('igraph' in sys.modules)") == "False"


@needs_compiler
@pytest.mark.parametrize("compiler", ["/bin/false", "/nowhere/cc"])
def test_a_compiler_that_fails_is_told(compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The builder says which compiler failed and leaves nothing behind."""
    monkeypatch.setenv("CC", compiler)
    with pytest.raises(build.NoCompilerError, match=compiler):
        build.compile_part("kernels", tmp_path)
    assert list(tmp_path.iterdir()) == []


def ask(code: str, **environment: str) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in {"LEAKKIT_NO_NATIVE", "LEAKKIT_KERNELS"}}
    done = subprocess.run([sys.executable, "-c", code], env=clean | environment, cwd="/", capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_wheel_names_its_platform() -> None:
    """The tag of the build hook is of this machine."""
    text = (Path(__file__).parents[2] / "hatch_build.py").read_text()
    assert "manylinux_2_17" in text
    assert sysconfig.get_platform().startswith("linux-")
