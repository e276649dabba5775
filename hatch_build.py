"""The package's build: compiles the C parts and names the wheel after what it holds.

Without a C compiler, or with ``LEAKKIT_NO_NATIVE=1``, the wheel is pure Python and leakkit works in numpy.
"""

from __future__ import annotations

import importlib.util
import platform
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def _builder(root: str) -> Any:
    """``leakkit/native/build.py`` without leakkit itself, whose dependencies are not here."""
    path = Path(root, "leakkit", "native", "build.py")
    spec = importlib.util.spec_from_file_location("leakkit_native_build", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _tag() -> str:
    """The kernels use no symbol of glibc that is newer than 2.17; a test reads them."""
    arch = sysconfig.get_platform().partition("-")[2].replace("-", "_").replace(".", "_")
    glibc = platform.libc_ver()[0] == "glibc"
    return f"py3-none-manylinux_2_17_{arch}" if glibc else f"py3-none-linux_{arch}"


class NativeBuildHook(BuildHookInterface[Any]):
    """Adds the shared objects to wheels; an editable install gets them in place."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before the files of a wheel are collected."""
        build = _builder(self.root)
        editable = version == "editable"
        if editable:
            for old in build.HERE.glob("_*.so"):
                old.unlink()
        if build.switched_off():
            self.app.display_warning(f"{build.SWITCH} is set: leakkit is installed without its C parts")
            return
        self._scratch = tempfile.TemporaryDirectory()
        made = []
        for part in build.FLAGS:
            try:
                made.append(build.compile_part(part, build.HERE if editable else Path(self._scratch.name)))
            except build.NoCompilerError as error:
                self.app.display_warning(f"leakkit is installed without its C part {part!r}: {error}")
        made = [path for path in made if path is not None]
        if not made:
            return
        build_data["pure_python"] = False
        build_data["tag"] = _tag()
        if not editable:
            build_data["force_include"].update({str(path): f"leakkit/native/{path.name}" for path in made})

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Nothing stays behind."""
        scratch = getattr(self, "_scratch", None)
        if scratch is not None:
            scratch.cleanup()
