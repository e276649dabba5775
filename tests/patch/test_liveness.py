"""Changed functions do the same: random programs run with and without what is deleted before they wait."""

from __future__ import annotations

import ast
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from leakkit.patch import MAKERS, Cause, Request, Source
from leakkit.patch.liveness import live_at

NAMES = ("a", "b", "c")
name = st.sampled_from(NAMES)
simple = st.one_of(
    name.map(lambda n: f"{n} = make()"),
    st.tuples(name, name).map(lambda p: f"{p[0]} = use({p[1]})"),
    name.map(lambda n: f"use({n})"),
    name.map(lambda n: f"{n} += '.'"),
    st.just("yield 1"),
    name.map(lambda n: f"{n} = yield 2"),
    name.map(lambda n: f"yield use({n})"),
    st.just("stumble()"),
)


def indent(lines: list[str]) -> list[str]:
    return ["    " + line for line in lines]


def compound(inner):
    block = st.lists(inner, min_size=1, max_size=4).map(lambda parts: [line for part in parts for line in part])
    leave = st.sampled_from(["continue", "break", "return", "pass"])
    return st.one_of(
        st.tuples(block, block).map(lambda p: ["if toss():", *indent(p[0]), "else:", *indent(p[1])]),
        st.tuples(block, leave).map(lambda p: ["while toss():", *indent([*p[0], "if toss():", f"    {p[1]}"])]),
        st.tuples(name, block, leave).map(lambda p: [f"for {p[0]} in some():", *indent(["if toss():", f"    {p[2]}", *p[1]])]),
        st.tuples(block, block).map(lambda p: ["try:", *indent(p[0]), "except OSError:", *indent(p[1])]),
        st.tuples(block, block).map(lambda p: ["try:", *indent(p[0]), "finally:", *indent(p[1])]),
        block.map(lambda b: ["with room():", *indent(b)]),
    )


block = st.lists(st.recursive(simple.map(lambda line: [line]), compound, max_leaves=12), min_size=2, max_size=6)


class Room:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


def trace(text: str, seed: int) -> list[object]:
    """What the program does with one sequence of tosses: each value used, each yield, how it ends."""
    rng, seen, made = random.Random(seed), [], [0]

    def make():
        made[0] += 1
        return f"v{made[0]}"

    def use(value):
        seen.append(value)
        return value

    def stumble():
        if rng.random() < 0.3:
            raise OSError

    space = {"make": make, "use": use, "stumble": stumble, "toss": lambda: rng.random() < 0.6, "some": lambda: [make(), make()], "room": Room}
    exec(text, space)
    run = space["f"]()
    try:
        value = None
        for number in range(60):
            out = run.send(value)
            seen.append(("out", out))
            value = f"s{number}"
    except StopIteration:
        seen.append("end")
    except OSError:
        seen.append("error")
    except NameError:
        seen.append("unbound")
    return seen


@settings(max_examples=400, deadline=None)
@given(block, st.data())
def test_programs_do_the_same(parts, data):
    """Wherever a snippet is made for a wait, the changed program uses the same values in the same order."""
    lines = ["def f():", *indent([line for part in parts for line in part]), "    yield 0"]
    text = "\n".join(lines) + "\n"
    waits = [number for number, line in enumerate(lines, 1) if "yield" in line]
    line = data.draw(st.sampled_from(waits))
    found = MAKERS[Cause.FRAME](Source("/f.py", text), Request(Cause.FRAME, (), line=line, function="f", names=NAMES))
    if found is None:
        return
    low, high = found.first_line - 1, found.first_line - 1 + len(found.before.split("\n"))
    new = "\n".join([*lines[:low], *found.after.split("\n"), *lines[high:]]) + "\n"
    for seed in range(12):
        before = trace(text, seed)
        if "unbound" not in before:
            assert trace(new, seed) == before, f"{text}\n---\n{new}"


def test_a_finally_block_reads_after_a_return():
    """``return`` inside ``try`` runs the ``finally`` block: what that reads is live at a wait before it."""
    text = "def f():\n    a, b = make(), make()\n    try:\n        yield 1\n        return b\n    finally:\n        use(a)\n"
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    wait = function.body[1].body[0]
    assert live_at(function, wait) >= {"a", "b"}
    assert "c" not in live_at(function, wait)
