"""Weak references with callbacks, weak dictionaries and finalizers on garbage and on live objects."""
# Callbacks run and finalizers' records leave the registry as their object dies: no count on paper foretells it.
# truth: more=KeyedRef,_Info,finalize,builtin_function_or_method,list
import gc
import weakref
import _truth

gc.disable()
CALLED = []


class Thing:
    def __init__(self):
        self.me = self


VALUES = weakref.WeakValueDictionary()
KEYS = weakref.WeakKeyDictionary()
REFERENCES = []
LIVE = []
for number in range(30):
    thing = Thing()
    VALUES[number] = thing
    KEYS[thing] = [number]
    REFERENCES.append(weakref.ref(thing, CALLED.append))
    if number % 3 == 0:
        weakref.finalize(thing, CALLED.append, number)
    if number % 10 == 0:
        LIVE.append(thing)
    inside = [weakref.ref(thing)]
    inside.append(inside)
del thing, inside
SET = weakref.WeakSet(LIVE)
_truth.serve()
