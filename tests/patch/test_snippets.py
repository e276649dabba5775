"""Changes to many small sources: what comes out, that it parses, and where there must be none."""

from __future__ import annotations

import ast
import os
import textwrap

import pytest

from leakkit.model import Snippet
from leakkit.patch import MAKERS, Cause, Request, Source, Sources, make_snippet


def change(text: str, cause: Cause, **facts) -> Snippet | None:
    """The snippet; what it makes of the whole file is compiled, and what it shows parses by itself."""
    text = textwrap.dedent(text)
    source = Source("/srv/app.py", text)
    found = MAKERS[cause](source, Request(cause, ("/srv/app.py",), **facts))
    if found is not None:
        lines = text.split("\n")
        low, high = found.first_line - 1, found.first_line - 1 + len(found.before.split("\n"))
        assert lines[low:high] == found.before.split("\n")
        new = "\n".join([*lines[:low], *found.after.split("\n"), *lines[high:]])
        compile(new, "app.py", "exec")
        for part in (found.before, found.after):
            ast.parse(textwrap.dedent(part))
        assert found.before != found.after
    return found


def added(found: Snippet | None) -> list[str]:
    """The lines that are new, without their indentation."""
    assert found is not None
    old = found.before.split("\n")
    return [line.strip() for line in found.after.split("\n") if line not in old and line.strip()]


# -- suspended frames --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "line", "names", "expected"),
    [
        # At the end of the loop, where the header waits.
        ("async def handler(ws):\n    async for m in ws:\n        data = build(m)\n        await ws.send(data)\n", 2, ["data"], ["del data"]),
        # Each continue skips the end of the body: it lets go by itself, and by assignment, for nothing may be bound yet.
        ("async def handler(ws):\n    async for m in ws:\n        if not m:\n            continue\n        data = build(m)\n        await ws.send(data)\n", 2, ["data"], ["data = None", "data = None"]),
        # A while loop that begins with its wait.
        ("async def handler(q):\n    while True:\n        m = await q.get()\n        rows = list(m)\n        text = str(rows)\n        print(text)\n", 3, ["rows", "text"], ["del rows, text"]),
        # A straight line.
        ("async def once(q):\n    data = await q.get()\n    print(len(data))\n    await q.join()\n", 4, ["data"], ["del data"]),
        # Bound in a branch only: an assignment cannot fail where del could.
        ("async def once(q, big):\n    if big:\n        data = load()\n        print(data)\n    await q.join()\n", 5, ["data"], ["data = None"]),
        # Several waits: only the one it stands at.
        ("async def f(q):\n    a = load()\n    b = await q.send(a)\n    use(b)\n    await q.recv()\n    use(b)\n", 5, ["a", "b"], ["del a"]),
        # Read again in the next turn: it is needed.
        ("async def f(q):\n    seen = []\n    while True:\n        m = await q.get()\n        seen.append(m)\n", 4, ["seen"], None),
        # Read after the wait.
        ("async def f(q):\n    data = load()\n    await q.join()\n    return data\n", 3, ["data"], None),
        # Read by the handler of an exception that may come while it waits.
        ("async def f(q):\n    data = load()\n    try:\n        await q.join()\n    except OSError:\n        log(data)\n", 4, ["data"], None),
        # Read by a finally.
        ("async def f(q):\n    data = load()\n    try:\n        await q.join()\n    finally:\n        data.close()\n", 4, ["data"], None),
        # Read after the loop, so not at the end of its body; right before the wait nothing reads what is there.
        ("async def f(q):\n    while q.open:\n        m = await q.get()\n        data = load(m)\n    return data\n", 3, ["data"], ["data = None"]),
        # A nested function closes over it.
        ("async def f(q):\n    data = load()\n    q.on(lambda: data)\n    await q.join()\n", 4, ["data"], None),
        # The wait itself needs it.
        ("async def f(q):\n    data = load()\n    await q.send(data)\n", 3, ["data"], None),
        # A generator: the answer first, then the yield.
        ("def pages(n):\n    for i in range(n):\n        rows = load(i)\n        yield summary(rows)\n", 4, ["rows"], ["result = summary(rows)", "del rows", "yield result"]),
        # A slice that is only a view of it may be what is yielded, but the name is read in the next turn.
        ("def pages(rows):\n    for i in range(3):\n        yield rows[i:]\n", 3, ["rows"], None),
        # Nothing can be put before a statement that shares its line.
        ("async def f(q):\n    data = load(); await q.join()\n", 2, ["data"], None),
        ("async def f(q):\n    data = load()\n    if q: await q.join()\n", 3, ["data"], None),
    ],
)
def test_frames(body, line, names, expected):
    """Deleted before the wait where nothing reads it afterwards; otherwise no snippet."""
    name = ast.parse(body).body[0].name
    found = change(body, Cause.FRAME, line=line, function=name, names=tuple(names))
    assert (added(found) if found else None) == expected


def test_the_change_of_a_frame_runs(tmp_path):
    """The changed handler does the same and lets go: the object is gone while it waits."""
    import asyncio
    import gc
    import weakref

    text = "async def handler(queue, done):\n    while True:\n        message = await queue.get()\n        if message == 'skip':\n            continue\n        data = Big(message)\n        done.append(data.value)\n"
    found = change(text, Cause.FRAME, line=3, function="handler", names=("data",))
    alive = []

    class Big:
        def __init__(self, value):
            self.value = value
            alive.append(weakref.ref(self))

    async def run(source):
        space = {"Big": Big}
        exec(source, space)
        queue, done = asyncio.Queue(), []
        task = asyncio.create_task(space["handler"](queue, done))
        for message in ("skip", "a", "b", "skip"):
            queue.put_nowait(message)
        await asyncio.sleep(0.05)
        gc.collect()
        held = sum(ref() is not None for ref in alive)
        assert not task.done(), task
        task.cancel()
        return done, held

    assert found is not None
    assert asyncio.run(run(text)) == (["a", "b"], 1)
    alive.clear()
    whole = text.replace(found.before, found.after)
    assert asyncio.run(run(whole)) == (["a", "b"], 0)


# -- containers --------------------------------------------------------------------------------------

MODULE_DICT = "CACHE = {}\n\ndef get(key):\n    value = load(key)\n    CACHE[key] = value\n    return value\n"


@pytest.mark.parametrize(
    ("text", "facts", "expected"),
    [
        (MODULE_DICT, {"names": ("CACHE",), "is_global": True, "types": ("dict",), "count": 5000}, ["while len(CACHE) > 1024:", "del CACHE[next(iter(CACHE))]"]),
        ("LOG = []\n\ndef note(x):\n\tLOG.append(x)\n", {"names": ("LOG",), "is_global": True, "types": ("list",), "count": 100}, ["del LOG[:-32]"]),
        ("LOG = []\n\ndef note(x):\n    global LOG\n    LOG += [x]\n", {"names": ("LOG",), "is_global": True, "types": ("list",), "count": 100}, ["del LOG[:-32]"]),
        ("import queue\nJOBS = queue.Queue()\n\ndef put(x):\n    JOBS.put(x)\n", {"names": ("JOBS",), "is_global": True, "types": ("collections.deque",), "count": 100}, ["JOBS = queue.Queue(maxsize=32)"]),
        ("from collections import deque\nLAST = deque([1])\n", {"names": ("LAST",), "is_global": True, "types": ("collections.deque",), "count": 100}, ["LAST = deque([1], maxlen=32)"]),
        ("from collections import defaultdict\nBY = defaultdict(list)\n\ndef note(k, x):\n    BY[k].append(x)\n", {"names": ("BY",), "is_global": True, "types": ("collections.defaultdict",), "count": 100}, ["while len(BY) > 32:", "del BY[next(iter(BY))]"]),
        ("from collections import defaultdict\nBY = defaultdict(list)\n\ndef note(k, x):\n    BY[k].append(x)\n", {"names": ("BY",), "is_global": True, "types": ("list",), "count": 100}, ["del BY[k][:-32]"]),
        # A chained assignment.
        ("S = {}\n\ndef get(u):\n    s = S[u] = make(u)\n    return s\n", {"names": ("S",), "is_global": True, "types": ("dict",), "count": 100}, ["while len(S) > 32:", "del S[next(iter(S))]"]),
        # Instance attribute, plain, dataclass and slots.
        ("class Bus:\n    def __init__(self):\n        self.log = []\n\n    def put(self, x):\n        self.log.append(x)\n", {"names": ("log",), "class_name": "Bus", "types": ("list",), "count": 100}, ["del self.log[:-32]"]),
        ("from dataclasses import dataclass, field\n\n@dataclass\nclass Bus:\n    seen: dict = field(default_factory=dict)\n\n    def put(self, k, x):\n        self.seen[k] = x\n", {"names": ("seen",), "class_name": "Bus", "types": ("dict",), "count": 100}, ["while len(self.seen) > 32:", "del self.seen[next(iter(self.seen))]"]),
        ("class Bus:\n    __slots__ = ('log',)\n    def __init__(self):\n        self.log = []\n    async def put(self, x):\n        if x:\n            self.log.append(x)  # keep\n", {"names": ("log",), "class_name": "Bus", "types": ("list",), "count": 100}, ["del self.log[:-32]"]),
        # From outside the class.
        ("class Bus:\n    pass\n\ndef put(bus, x):\n    bus.log.append(x)\n", {"names": ("log",), "class_name": "Bus", "types": ("list",), "count": 100}, ["del bus.log[:-32]"]),
        # A local of a function that never returns, and a variable that an inner function closes over.
        ("def main():\n    seen = []\n    while True:\n        seen.append(read())\n", {"names": ("seen",), "function": "main", "line": 4, "types": ("list",), "count": 100}, ["del seen[:-32]"]),
        ("def make():\n    seen = {}\n    def inner(k):\n        seen[k] = 1\n    return inner\n", {"names": ("seen",), "is_closure": True, "line": 4, "types": ("dict",), "count": 100}, ["while len(seen) > 32:", "del seen[next(iter(seen))]"]),
        # Not the global but a local of that name; a set has no order; nothing fits on a shared line; a call is not repeated.
        ("LOG = []\n\ndef note(x):\n    LOG = []\n    LOG.append(x)\n", {"names": ("LOG",), "is_global": True, "types": ("list",), "count": 100}, None),
        ("S = set()\n\ndef note(x):\n    S.add(x)\n", {"names": ("S",), "is_global": True, "types": ("set",), "count": 100}, None),
        ("LOG = []\n\ndef note(x):\n    if x: LOG.append(x)\n", {"names": ("LOG",), "is_global": True, "types": ("list",), "count": 100}, None),
        ("BY = {}\n\ndef note(k, x):\n    BY.setdefault(k, []).append(x)\n", {"names": ("BY",), "is_global": True, "types": ("list",), "count": 100}, None),
    ],
)
def test_containers(text, facts, expected):
    found = change(text, Cause.CONTAINER, **facts)
    assert (added(found) if found else None) == expected


def test_shared_class_attribute():
    """Only self reaches it: each instance gets its own. Where the class is named as well it is bounded instead."""
    text = "class Profiler:\n    samples = []\n\n    def __init__(self, label):\n        '''Doc.'''\n        self.label = label\n\n    def sample(self, x):\n        self.samples.append(x)\n"
    facts = {"names": ("samples",), "class_name": "Profiler", "types": ("list",), "count": 100}
    found = change(text, Cause.CLASS_CONTAINER, **facts)
    assert added(found) == ["self.samples = []"]
    assert "    samples = []" not in found.after.split("\n")
    named = text.replace("self.samples.append", "Profiler.samples.append")
    assert added(change(named, Cause.CLASS_CONTAINER, **facts)) == ["del Profiler.samples[:-32]"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(x, seen=[]):\n    seen.append(x)\n    return len(seen)\n", ["def f(x, seen=None):", "if seen is None:", "seen = []"]),
        ("def f(x, *, seen={}):\n    '''Doc.'''\n    seen[x] = 1\n", ["def f(x, *, seen=None):", "if seen is None:", "seen = {}"]),
        # A cache: a fresh one would cache nothing.
        ("def f(x, seen={}):\n    if x not in seen:\n        seen[x] = load(x)\n    return seen[x]\n", ["while len(seen) > 32:", "del seen[next(iter(seen))]"]),
        ("def f(x, seen=[]): seen.append(x)\n", None),
    ],
)
def test_defaults(text, expected):
    found = change(text, Cause.DEFAULT, function="f", names=("seen",), types=("dict",), count=100, line=1)
    assert (added(found) if found else None) == expected


# -- caches, registries, tasks -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("import functools\n\n@functools.lru_cache(maxsize=None)\ndef f(x):\n    return x\n", "f", ["@functools.lru_cache(maxsize=1024)"]),
        ("from functools import cache\n\n@cache\ndef f(x):\n    return x\n", "f", ["@functools.lru_cache(maxsize=1024)"]),
        ("from functools import lru_cache\n\n@lru_cache(None)\ndef f(x):\n    return x\n", "f", ["@lru_cache(maxsize=1024)"]),
        ("import functools\n\nclass A:\n    @functools.cache\n    def total(self):\n        return 1\n", "A.total", ["@functools.cached_property"]),
        ("import functools\n\nclass A:\n    @functools.cache\n    def total(self, currency):\n        return 1\n", "A.total", ["@functools.lru_cache(maxsize=1024)"]),
        ("def f(x):\n    return x\n", "f", None),
    ],
)
def test_caches(text, name, expected):
    found = change(text, Cause.CACHE, function=name, line=3)
    assert (added(found) if found else None) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L = []\n\ndef subscribe(callback):\n    L.append(callback)\n", ["return lambda: L.remove(callback)"]),
        ("L = {}\n\ndef subscribe(key, callback):\n    L[key] = callback\n", ["return lambda: L.pop(key, None)"]),
        ("L = set()\n\ndef subscribe(callback):\n    L.add(callback)\n", ["return lambda: L.discard(callback)"]),
        ("L = []\n\ndef subscribe(callback):\n    L.append(callback)\n    return len(L)\n", None),
        # An object that registers its own method takes it back where it is closed, or gets a place to be.
        ("L = []\n\nclass V:\n    def __init__(self):\n        L.append(self.on)\n\n    def on(self): pass\n\n    def close(self):\n        '''Done.'''\n        self.x = 1\n", ["L.remove(self.on)"]),
        ("L = []\n\nclass V:\n    def __init__(self):\n        L.append(self.on)\n\n    def on(self):\n        pass\n", ["def close(self):", "L.remove(self.on)"]),
        ("L = []\n\ndef subscribe(callback):\n    L.append(lambda: callback())\n", None),
    ],
)
def test_registries(text, expected):
    found = change(text, Cause.REGISTRY, names=("L",), is_global=True)
    assert (added(found) if found else None) == expected


def test_listeners_of_another_class():
    """The list is made in one class and filled from another."""
    text = "class Feed:\n    def __init__(self):\n        self.listeners = []\n\nfeed = Feed()\n\nclass View:\n    def __init__(self):\n        feed.listeners.append(self.on)\n\n    def on(self):\n        pass\n\n    def close(self):\n        self.gone = True\n"
    assert added(change(text, Cause.REGISTRY, names=("listeners",), class_name="Feed")) == ["feed.listeners.remove(self.on)"]


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("T = set()\n\ndef start(c):\n    task = run(c)\n    T.add(task)\n", "set", ["task.add_done_callback(T.discard)"]),
        ("T = []\n\ndef start(c):\n    T.append(run(c))\n", "list", ["task = run(c)", "T.append(task)", "task.add_done_callback(T.remove)"]),
        ("T = []\n\ndef start(task):\n    T.append(run(task))\n    task = 1\n", "list", ["future = run(task)", "T.append(future)", "future.add_done_callback(T.remove)"]),
        ("T = {}\n\ndef start(k, c):\n    T[k] = run(c)\n", "dict", None),
    ],
)
def test_finished_tasks(text, kind, expected):
    found = change(text, Cause.FINISHED, names=("T",), is_global=True, types=(kind,))
    assert (added(found) if found else None) == expected


# -- what is stored ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "types", "expected"),
    [
        ("frame[:32]", ("numpy.ndarray",), "frame[:32].copy()"),
        ("frame['close']", ("numpy.ndarray",), "frame['close'].copy()"),
        ("a + b", ("numpy.ndarray",), "(a + b).copy()"),
        ("memoryview(data)[4:8]", ("memoryview",), "bytes(memoryview(data)[4:8])"),
        ("PATTERN.search(page)", ("re.Match",), "PATTERN.search(page).group()"),
        ("tag.string", ("str",), "str(tag.string)"),
        ("(name, frame[0])", ("tuple", "numpy.ndarray"), "(name, frame[0].copy())"),
        # Views inside of what a function made: nothing at this place can copy them.
        ("parse(data)", ("dict", "memoryview"), None),
        ("pair(data)", ("tuple", "memoryview"), None),
        ("frame.copy()", ("numpy.ndarray",), None),
        ("bytes(view)", ("memoryview",), None),
    ],
)
@pytest.mark.parametrize("form", ["KEPT.append({})", "KEPT[key] = {}", "KEPT.insert(0, {})"])
def test_views(stored, types, expected, form):
    text = f"KEPT = []\n\ndef work(key, frame, data, page, tag, a, b, view, name):\n    {form.format(stored)}\n"
    found = change(text, Cause.VIEW, names=("KEPT",), is_global=True, types=types)
    assert (added(found) if found else None) == (None if expected is None else [form.format(expected)])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("ERRORS.append(error)", ["ERRORS.append(error.with_traceback(None))"]),
        ("ERRORS.append((1, error))", ["ERRORS.append((1, error.with_traceback(None)))"]),
        ("ERRORS.append(Failure(error))", ["ERRORS.append(Failure(error.with_traceback(None)))"]),
        ("ERRORS.append(error)\n        raise", ["ERRORS.append(repr(error))"]),
        ("ERRORS.append(sys.exc_info())", ["ERRORS.append(traceback.format_exc())"]),
        ("ERRORS.append(str(error))", None),
        ("ERRORS.append(f'{error}')", None),
        ("ERRORS.append(error.args)", None),
    ],
)
def test_errors(body, expected):
    text = f"import sys\nERRORS = []\n\ndef work():\n    try:\n        run()\n    except ValueError as error:\n        {body}\n"
    found = change(text, Cause.ERROR, names=("ERRORS",), is_global=True)
    assert (added(found) if found else None) == expected


def test_error_cycles():
    """A local that keeps an error of this frame: without its traceback, or cleared when it is raised again."""
    head = "def deliver():\n    last = None\n    for _ in range(3):\n        try:\n            return send()\n        except OSError as error:\n            last = error\n"
    assert added(change(head, Cause.ERROR_CYCLE, function="deliver", line=5)) == ["last = error.with_traceback(None)"]
    again = change(head + "    raise last\n", Cause.ERROR_CYCLE, function="deliver", line=5)
    assert added(again) == ["try:", "raise last", "finally:", "del last"]


def test_error_cycle_is_gone_when_run():
    """The changed function raises the same error and leaves no garbage; the unchanged one does."""
    import gc

    text = "def deliver():\n    last = None\n    for _ in range(3):\n        try:\n            raise OSError('down')\n        except OSError as error:\n            last = error\n    raise last\n"
    found = change(text, Cause.ERROR_CYCLE, function="deliver", line=5)
    left = []
    for source in (text, text.replace(found.before, found.after)):
        space: dict = {}
        exec(source, space)
        gc.collect()
        try:
            space["deliver"]()
        except OSError as error:
            assert str(error) == "down"
        left.append(gc.collect())
    assert left[0] > 0
    assert left[1] == 0


# -- links back, the collector -----------------------------------------------------------------------


def test_parent_links():
    """A property with the old name; for a dataclass a proxy where the link is set; none where the class has that name."""
    text = "class Node:\n    def __init__(self, parent=None):\n        self.parent = parent\n        self.children = []\n"
    found = change(text, Cause.PARENT, names=("parent",), class_name="Node")
    assert "import weakref" in found.note
    space: dict = {}
    exec("import weakref\n" + text.replace(found.before, found.after), space)
    import gc

    top = space["Node"]()
    top.children.append(space["Node"](top))
    assert top.children[0].parent is top
    assert top.parent is None
    gc.collect()
    del top
    assert gc.collect() == 0
    data = "import weakref\nfrom dataclasses import dataclass, field\n\n@dataclass\nclass Node:\n    parent: object = None\n    children: list = field(default_factory=list)\n\n    def add(self, child):\n        child.parent = self\n        self.children.append(child)\n"
    assert added(change(data, Cause.PARENT, names=("parent",), class_name="Node")) == ["child.parent = weakref.proxy(self)"]
    slots = "class Node:\n    __slots__ = ('parent',)\n    def __init__(self, parent):\n        self.parent = parent\n"
    found = change(slots, Cause.PARENT, names=("parent",), class_name="Node")
    assert added(found) == ["self.parent = None if parent is None else weakref.proxy(parent)"]
    assert "__weakref__" in found.note
    assert change(text + "    def parent(self): pass\n", Cause.PARENT, names=("parent",), class_name="Node") is None


@pytest.mark.parametrize(
    ("text", "cause", "expected"),
    [
        ("import gc\ngc.disable()\n", Cause.DISABLED, ["gc.set_threshold(10_000, 10, 10)"]),
        ("import gc\n\ndef main():\n    gc.set_threshold(0)\n    run()\n", Cause.DISABLED, ["gc.set_threshold(10_000, 10, 10)"]),
        ("import gc\n\ndef main():\n    gc.disable()\n    run()\n    gc.enable()\n", Cause.DISABLED, None),
        ("import gc\n\ndef main():\n    gc.freeze()\n", Cause.FROZEN, ["gc.collect()"]),
        ("import gc\n", Cause.FROZEN, None),
    ],
)
def test_the_collector(text, cause, expected):
    found = change(text, cause)
    assert (added(found) if found else None) == expected


# -- files -------------------------------------------------------------------------------------------


def test_only_what_the_target_runs(tmp_path):
    """Found below the target's root; not when it was changed since the start, is too new a Python, or is missing."""
    file = tmp_path / "srv" / "app.py"
    file.parent.mkdir()
    file.write_text(MODULE_DICT)
    wanted = Request(Cause.CONTAINER, ("/missing.py", "/srv/app.py"), names=("CACHE",), is_global=True, types=("dict",), count=100)
    found = make_snippet(Sources(str(tmp_path), "2099-01-01T00:00:00+00:00"), wanted)
    assert found is not None
    assert (found.file, found.line) == ("/srv/app.py", 6)
    assert make_snippet(Sources(str(tmp_path), "2001-01-01T00:00:00+00:00"), wanted) is None
    file.write_text("def f(:\n")
    assert make_snippet(Sources(str(tmp_path)), wanted) is None
    assert Sources().read("relative.py") is None


def test_odd_sources():
    """CRLF, tabs, a form feed and letters beyond ASCII before the change keep their place."""
    for text in ("# é\r\nL = []\r\n\r\ndef f(x):\r\n\tL.append(x)\r\n", "L = []\n\x0c\ndef f(x):\n    name = 'ü'; y = 'ß'\n    L.append(x)\n"):
        source = Source("/srv/app.py", text)
        found = MAKERS[Cause.CONTAINER](source, Request(Cause.CONTAINER, (), names=("L",), is_global=True, types=("list",), count=100))
        assert found is not None
        assert added(found) == ["del L[:-32]"]
    text = "K = []\n\ndef f(a):\n    K.append(('é', a[1:]))\n"
    assert added(change(text, Cause.VIEW, names=("K",), is_global=True, types=("tuple", "numpy.ndarray"))) == ["K.append(('é', a[1:].copy()))"]


def test_links_do_not_lead_out_of_the_targets_root(tmp_path):
    """A link below the target's root could lead to a file of leakkit's own: none is followed there, in a folder neither."""
    own, root = tmp_path / "own.py", tmp_path / "root"
    own.write_text(MODULE_DICT)
    (root / "srv").mkdir(parents=True)
    (root / "srv" / "app.py").symlink_to(own)
    (root / "lib").symlink_to(tmp_path)
    os.mkfifo(root / "srv" / "pipe.py")
    sources = Sources(str(root))
    for file in ("/srv/app.py", "/lib/own.py", "/srv/../../own.py", "/srv/pipe.py", "/srv"):
        assert sources.read(file) is None, file
    assert Sources().read(str(own)) is not None
    (root / "srv" / "real.py").write_text(MODULE_DICT)
    assert sources.read("/srv/real.py") is not None
