"""Whose code it is: the application's, the standard library's, or a library's, told by the file's distribution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leakkit.snapshot_model import ModuleInfo, ProcessFacts

APPLICATION = "application"
STDLIB = "stdlib"


def _below(file: str, folder: str) -> bool:
    folder = folder.rstrip("/")
    return bool(folder) and (file == folder or file.startswith(folder + "/"))


@dataclass(frozen=True)
class Owners:
    """Answers who owns a file or a module of one target."""

    process: ProcessFacts
    modules: tuple[ModuleInfo, ...]

    @cached_property
    def files(self) -> dict[str, str | None]:
        """Module name to its file."""
        return {module.name: module.file for module in self.modules}

    def of_file(self, file: str | None) -> str:
        """``application``, ``stdlib`` or ``library:<name> <version>`` of a source file of the target."""
        if not file:
            return APPLICATION
        if file.startswith("<"):
            return STDLIB if file.startswith("<frozen") else APPLICATION
        if any(_below(file, folder) for folder in self.process.site_packages):
            return self._library(file)
        if _below(file, self.process.stdlib):
            return STDLIB
        return APPLICATION

    def _library(self, file: str) -> str:
        best, owner = 0, ""
        for distribution in self.process.distributions:
            for path in distribution.paths:
                if len(path) > best and _below(file, path):
                    best, owner = len(path), f"library:{distribution.name} {distribution.version}"
        if owner:
            return owner
        folder = max((f for f in self.process.site_packages if _below(file, f)), key=len)
        top = file[len(folder.rstrip("/")) + 1 :].split("/", maxsplit=1)[0].removesuffix(".py")
        return f"library:{top}"

    def of_module(self, name: str) -> str:
        """Owner of a module by its dotted name; built-in modules count as the standard library."""
        while name:
            if name in self.files:
                file = self.files[name]
                return STDLIB if file is None and name != "__main__" else self.of_file(file)
            name = name.rpartition(".")[0]
        return APPLICATION

    def of_type(self, type_name: str) -> str:
        """Owner of a class by its ``module.qualname``; built-in types count as the standard library."""
        return STDLIB if "." not in type_name else self.of_module(type_name.rpartition(".")[0])

    def is_application(self, owner: str) -> bool:
        """Whether that owner's code is the user's own to change."""
        return owner == APPLICATION
