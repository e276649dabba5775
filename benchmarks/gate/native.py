"""A real C extension that leaks, compiled into a temporary folder when it is first asked for."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

FOLDER_VARIABLE = "LEAKKIT_BENCH_NATIVE"
"""Folder with the compiled extension, so that a series of processes compiles it once."""

SOURCE = r"""
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <string.h>

static char *volatile last;  /* or the compiler leaves the allocation out */

static PyObject *leak_bytes(PyObject *self, PyObject *size) {
    size_t count = PyLong_AsSize_t(size);
    char *block = malloc(count);
    if (block) memset(block, 1, count);
    last = block;
    Py_RETURN_NONE;
}
static PyObject *leak_reference(PyObject *self, PyObject *object) {
    Py_INCREF(object);
    Py_RETURN_NONE;
}
static PyMethodDef methods[] = {
    {"leak_bytes", leak_bytes, METH_O, ""}, {"leak_reference", leak_reference, METH_O, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "leaky_native", NULL, -1, methods};
PyMODINIT_FUNC PyInit_leaky_native(void) { return PyModule_Create(&module); }
"""


def build(folder: Path) -> Path:
    """Compile the extension into a folder."""
    source, target = folder / "leaky_native.c", folder / "leaky_native.so"
    if not target.exists():
        source.write_text(SOURCE)
        include = sysconfig.get_paths()["include"]
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", f"-I{include}", str(source), "-o", str(target)], check=True)
    return target


@functools.cache
def extension() -> ModuleType:
    """The loaded extension."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None:
        folder = tempfile.mkdtemp(prefix="leakkit-bench-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    spec = importlib.util.spec_from_file_location("leaky_native", build(Path(folder)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
