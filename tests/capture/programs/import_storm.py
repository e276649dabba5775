"""Imports and forgets modules all the time, so the import lock is nearly always held."""
import importlib
import sys
import _drive

NAMES = ("colorsys", "wave", "this_is_no_module", "html.entities", "json.tool", "sched", "calendar")
_drive.ready()
while True:
    for name in NAMES:
        sys.modules.pop(name, None)
        try:
            importlib.import_module(name)
        except ImportError:
            pass
