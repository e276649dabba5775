"""Standard modules for the copy, loaded without the target's import hooks, path or current directory."""

import sys


def load(name):
    """The module, loaded already or loaded now from the standard library's own folders.

    Raises:
        ImportError: it is not there, or half loaded.
    """
    found = sys.modules.get(name)
    if type(found) is type(sys):
        return found
    bootstrap = sys.modules["_frozen_importlib"]
    external = sys.modules["_frozen_importlib_external"]
    stdlib = sys.modules["os"].__dict__["__file__"].rpartition("/")[0]
    saved = sys.meta_path, sys.path
    folders = [stdlib]
    for folder in sys.path:
        if type(folder) is str and folder.endswith("/lib-dynload"):
            folders.append(folder)
    folders.append(stdlib + "/lib-dynload")
    try:
        sys.meta_path = [bootstrap.BuiltinImporter, bootstrap.FrozenImporter, external.PathFinder]
        sys.path = folders
        return bootstrap._gcd_import(name)
    finally:
        sys.meta_path, sys.path = saved
