"""A user's tests, run by a pytest of their own: each kind of test once healthy and once leaking."""

import asyncio
import functools
import logging
import os
import threading
import time
import unittest
import warnings

import pytest

KEPT: list = []
WAITING: list = []


@pytest.fixture
def store():
    return {}


@pytest.mark.leakkit
def test_plain():
    sum(range(100))


@pytest.mark.leakkit
def test_plain_leaks():
    KEPT.append(bytearray(200))


@pytest.mark.leakkit
@pytest.mark.parametrize("number", [1, 2])
def test_fixtures(number, store, monkeypatch, caplog, capsys, recwarn):
    """pytest keeps all of this until the test is over, and none of it is a leak of the body."""
    store["number"] = number
    monkeypatch.setenv("NAME", "value")
    monkeypatch.setattr("os.getcwdb", lambda: b"")
    logging.getLogger("app").warning("number %s", number)
    print("a line of output")
    warnings.warn("old", stacklevel=1)


@pytest.mark.leakkit
def test_logs_and_warns():
    logging.getLogger("app").error("without any fixture")
    warnings.warn("old", stacklevel=1)
    print("a line of output", time.time())


class TestClass:
    @pytest.mark.leakkit
    def test_method(self, store):
        self.store = store

    @pytest.mark.leakkit
    def test_method_leaks(self):
        KEPT.append({"test": "method"})


@pytest.mark.leakkit
class TestMarkedClass:
    def test_inherits_the_marker(self):
        pass

    @pytest.mark.leakkit(skip="known to grow")
    def test_left_out(self):
        KEPT.append(object())


@pytest.mark.asyncio
@pytest.mark.leakkit
async def test_asyncio():
    await asyncio.sleep(0)


@pytest.mark.asyncio
@pytest.mark.leakkit
async def test_asyncio_leaks():
    await asyncio.sleep(0)
    KEPT.append(("asyncio", object()))


@pytest.mark.anyio
@pytest.mark.leakkit
async def test_anyio():
    await asyncio.sleep(0)


@pytest.mark.anyio
@pytest.mark.leakkit
async def test_anyio_leaks():
    await asyncio.sleep(0)
    KEPT.append(["anyio"])


class Cyclic:
    pass


@pytest.mark.leakkit
def test_cycles_leak():
    one = Cyclic()
    one.me = one


@pytest.mark.leakkit(ignore=["garbage-objects"])
def test_cycles_allowed():
    one = Cyclic()
    one.me = one


@pytest.mark.leakkit
def test_threads_leak():
    event = threading.Event()
    WAITING.append(event)
    threading.Thread(target=event.wait, daemon=True).start()


@pytest.mark.leakkit
def test_files_leak():
    os.dup(1)


@functools.lru_cache(maxsize=50_000)
def remembered(key):
    return f"value {key}"


CALLS: list = [0]


@pytest.mark.leakkit(calls=20)
def test_cache_below_its_bound():
    CALLS[0] += 1
    remembered(CALLS[0])


def test_rounds_by_hand(leakkit):
    with leakkit.rounds() as calls:
        for _ in calls:
            sum(range(10))


def test_rounds_by_hand_leak(leakkit):
    with leakkit.rounds() as calls:
        for number in calls:
            KEPT.append(1.5 * number)


@pytest.mark.asyncio
async def test_rounds_in_a_coroutine(leakkit):
    with leakkit.rounds() as calls:
        for _ in calls:
            await asyncio.sleep(0)


def test_rounds_left_early(leakkit):
    with leakkit.rounds() as calls:
        for _ in calls:
            break


def test_assert_no_growth(leakkit):
    leakkit.assert_no_growth(lambda: sum(range(10)))
    leakkit.assert_no_growth(functools.partial(asyncio.sleep, 0))


def test_assert_no_growth_leaks(leakkit):
    leakkit.assert_no_growth(lambda: KEPT.append(object()))


@pytest.mark.leakkit
def test_cannot_be_repeated(tmp_path):
    (tmp_path / "folder").mkdir()


@pytest.mark.leakkit
def test_fails_anyway():
    assert KEPT == "something else"


@pytest.mark.leakkit(nonsense=1)
def test_unknown_option():
    pass


class TestUnittest(unittest.TestCase):
    @pytest.mark.leakkit
    def test_of_unittest(self):
        pass


def test_not_marked():
    KEPT.append(object())


def test_not_marked_cannot_be_repeated(tmp_path):
    (tmp_path / "folder").mkdir()
