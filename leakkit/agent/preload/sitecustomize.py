"""Put first on PYTHONPATH by ``leakkit snapshot -- COMMAND``: opens the agent's socket, then steps aside.

The folder leaves ``sys.path`` again and the program's own ``sitecustomize``, if it has one, is run in this one's place.
PYTHONPATH keeps the folder, so that child processes can be snapshotted too.  Any Python may come by here, so the syntax
is that of all of them.
"""

import os
import sys


def _start(folder):
    path = os.path.join(os.path.dirname(folder), "listen.py")
    with open(path) as file:
        text = file.read()
    module = type(sys)("_leakkit_listen")
    module.__file__ = path
    exec(compile(text, path, "exec"), module.__dict__)
    sys.modules["_leakkit_listen"] = module
    module.preload(os.environ.get("LEAKKIT_LAUNCH", ""))


def _run_the_programs_own(name):
    """Run the next ``sitecustomize`` on ``sys.path``; ImportError when there is none, as if we were not there."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = find(name, None) if find is not None else None
        if spec is not None and spec.loader is not None:
            module = sys.modules[name] = type(sys)(name)
            module.__spec__, module.__loader__ = spec, spec.loader
            module.__file__, module.__cached__ = spec.origin, getattr(spec, "cached", None)
            module.__package__ = ""
            spec.loader.exec_module(module)
            return
    error = ImportError("No module named " + repr(name))
    error.name = name
    raise error


_folder = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != _folder]
sys.path_importer_cache.pop(_folder, None)
if sys.version_info >= (3, 9):
    try:
        _start(_folder)
    except Exception:
        pass  # without its socket the program runs all the same, and can be entered from outside
if sys.version_info >= (3, 4):
    _run_the_programs_own(__name__)
