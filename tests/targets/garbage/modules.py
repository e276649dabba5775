"""Modules made, run and dropped, one still in ``sys.modules``."""
import gc
import sys
import types
import _truth

gc.disable()
SOURCE = """
CACHE = {}
class Thing:
    all = []
    def __init__(self):
        self.all.append(self)
def use():
    CACHE['me'] = use
    return Thing()
use()
"""
for number in range(8):
    module = types.ModuleType("made%d" % number)
    exec(compile(SOURCE, "made", "exec"), module.__dict__)
    module.itself = module
    if number == 3:
        sys.modules[module.__name__] = module
del module
for _ in range(3):
    space = {}
    exec(SOURCE, space)
del space
_truth.serve()
