"""Facts of the process that only its interpreter can tell; for both walks, each in a dict or module of its own."""

import sys


def plain(module, name):
    """A value of a loaded module's dict, or None; no attribute access, so that a lazy module stays lazy."""
    found = sys.modules.get(module)
    if not any(kind is type(sys) for kind in type.__dict__["__mro__"].__get__(type(found))):
        return None
    space = type(sys).__dict__["__dict__"].__get__(found)
    return space.get(name) if type(space) is dict else None


def process_facts():
    """What only the target itself can say of its interpreter."""
    count, os_file = plain("atexit", "_ncallbacks"), plain("os", "__file__")
    interned = getattr(sys, "getunicodeinternedsize", None)
    return {
        "version": sys.version.split()[0],
        "implementation": sys.implementation.name,
        "executable": sys.executable if type(sys.executable) is str else "",
        "prefix": sys.prefix,
        "stdlib": os_file.rpartition("/")[0] if type(os_file) is str else "",
        "path": [item for item in sys.path if type(item) is str],
        "interned_strings": interned() if interned is not None else None,
        "gil": True,
        "debug": hasattr(sys, "gettotalrefcount"),
        "atexit": count() if type(count) is type(len) else None,
    }
