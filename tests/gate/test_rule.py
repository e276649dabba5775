"""The rule that decides from counts: leaks are found, noise is not, at the rate that is stated."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leakkit.gate.model import Metric, Round
from leakkit.gate.rule import ERROR_RATE, FLOORS, MOST_ROUNDS, STREAK, Course, Floor, confirm, follow, judge

OBJECTS = FLOORS[Metric.OBJECTS]
EXACT = Floor(0.0, 1, 1)


def work(first: int, count: int = MOST_ROUNDS) -> list[int]:
    calls = [first]
    while len(calls) < count:
        calls.append(int(calls[-1] * 1.5 + 0.5))
    return calls


def levels_after(calls: list[int], retained, start: int = 50_000) -> list[int]:
    """Levels when ``retained(n)`` is what n calls in all leave behind."""
    total, levels = 0, [start + retained(0)]
    for count in calls:
        total += count
        levels.append(start + retained(total))
    return levels


def decide(calls: list[int], levels: list[int], floor: Floor = OBJECTS) -> tuple[Course, int]:
    """The decision and the number of rounds that it took."""
    for rounds in range(1, len(calls) + 1):
        standing = follow(levels[: rounds + 1], calls[:rounds], floor)
        if standing.course != Course.OPEN:
            return standing.course, rounds
    raise AssertionError("undecided")


@pytest.mark.parametrize("first", [10, 37, 100, 1000])
@pytest.mark.parametrize("every", [1, 2, 7, 10])
def test_one_object_every_few_calls_is_a_leak(first: int, every: int) -> None:
    calls = work(first)
    course, rounds = decide(calls, levels_after(calls, lambda n: n // every))
    assert course == Course.LEAKS
    assert rounds <= STREAK + 3  # whole objects make the first rounds of a slow leak uneven


def test_a_plain_leak_takes_no_more_rounds_than_the_error_rate_asks_for() -> None:
    calls = work(100)
    assert decide(calls, levels_after(calls, lambda n: n)) == (Course.LEAKS, STREAK)


@pytest.mark.parametrize("size", [1, 3, 20, 500])
@pytest.mark.parametrize("first", [2, 10, 100])
def test_what_each_round_leaves_once_is_no_leak(size: int, first: int) -> None:
    calls = work(first)
    levels = [1000 + size * number for number in range(len(calls) + 1)]
    assert decide(calls, levels)[0] == Course.CLEAR


@pytest.mark.parametrize("capacity", [5, 100, 400, 1000])
def test_what_fills_up_is_no_leak(capacity: int) -> None:
    calls = work(100)
    assert decide(calls, levels_after(calls, lambda n: min(n, capacity)))[0] == Course.CLEAR


@pytest.mark.parametrize("capacity", [250, 500, 900])
def test_no_leak_is_called_one_before_the_earliest_round(capacity: int) -> None:
    """Six rounds from 10 calls on make 208: what fills up later needs more of them, and a leak is found all the same."""
    calls = work(10)
    filling, leaking = levels_after(calls, lambda n: min(n, capacity)), levels_after(calls, lambda n: n)
    assert follow(filling, calls, OBJECTS).course == Course.LEAKS
    assert follow(filling, calls, OBJECTS, earliest=10).course == Course.CLEAR
    assert follow(leaking, calls, OBJECTS, earliest=10) == follow(leaking[:11], calls[:10], OBJECTS, streak=10)


def test_a_leak_after_a_burst_is_found() -> None:
    calls = work(100)
    course, _ = decide(calls, levels_after(calls, lambda n: n + (5000 if n else 0)))
    assert course == Course.LEAKS


def test_a_leak_during_which_something_large_is_freed_is_found() -> None:
    calls = work(100)
    course, _ = decide(calls, levels_after(calls, lambda n: n - (5000 if n > 200 else 0)))
    assert course == Course.LEAKS


@pytest.mark.parametrize("period", [50, 333, 777, 1000])
def test_a_buffer_that_is_flushed_is_no_leak(period: int) -> None:
    for first in (10, 64, 100, 400, 1000):
        calls = work(first)
        if sum(calls[:STREAK]) < 2 * period:
            continue  # it has not been flushed twice before the decision: nothing can tell it from a leak
        assert decide(calls, levels_after(calls, lambda n: n % period))[0] == Course.CLEAR, first


def test_the_streak_keeps_the_stated_error_rate() -> None:
    assert 1 / math.factorial(STREAK + 1) <= ERROR_RATE < 1 / math.factorial(STREAK)


@pytest.mark.parametrize("shape", ["gauss", "heavy", "two-valued", "walk"])
def test_noise_is_called_a_leak_at_most_at_the_stated_rate(shape: str) -> None:
    """Floors are taken away, so that only the order of the levels and the pace are left to decide."""
    rng = random.Random(20_26)
    draw = {
        "gauss": lambda: rng.gauss(0, 1000),
        "heavy": lambda: rng.paretovariate(0.8) * 10,
        "two-valued": lambda: rng.choice((0, 1)),
        "walk": lambda: rng.gauss(0, 1000),
    }[shape]
    trials, alarms = 20_000, 0
    calls = work(100)
    for _ in range(trials):
        levels = [int(draw()) for _ in range(len(calls) + 1)]
        if shape == "walk":
            levels = [sum(levels[: number + 1]) for number in range(len(levels))]
        alarms += decide(calls, levels, EXACT)[0] == Course.LEAKS
    assert alarms / trials <= ERROR_RATE


@given(st.lists(st.integers(-10_000, 10_000), min_size=1, max_size=MOST_ROUNDS), st.integers(2, 1000))
def test_only_a_streak_of_growing_rounds_is_a_leak(gains: list[int], first: int) -> None:
    calls = work(first, len(gains))
    levels = [100_000]
    for gain in gains:
        levels.append(levels[-1] + gain)
    standing = follow(levels, calls, OBJECTS)
    if standing.course == Course.LEAKS:
        assert any(all(gain > 0 for gain in gains[at : at + STREAK]) for at in range(len(gains) - STREAK + 1))
    if len(gains) == MOST_ROUNDS:
        assert standing.course != Course.OPEN


@given(st.integers(1, 50), st.integers(10, 500), st.integers(0, 20), st.randoms(use_true_random=False))
def test_a_leak_among_noise_that_is_smaller_is_found(per_call: int, first: int, noise: int, rng: random.Random) -> None:
    calls = work(first)
    levels = levels_after(calls, lambda n: per_call * n)
    small = min(noise, per_call * first // 25)
    noisy = [level + rng.randint(-small, small) for level in levels]
    assert decide(calls, noisy)[0] == Course.LEAKS


def rounds_of(calls: list[int], **series: list[int]) -> list[Round]:
    names = {Metric(name.replace("_", "-")): values for name, values in series.items()}
    return [Round(count, {m: values[row] for m, values in names.items()}, 0.1) for row, count in enumerate([0, *calls])]


def test_judge_clears_only_when_every_metric_is_clear() -> None:
    calls = work(100, STREAK)
    flat, rising = [7] * (STREAK + 1), levels_after(calls, lambda n: n)
    start, *rounds = rounds_of(calls, files=flat, blocks=rising)
    assert judge(start, rounds[:2])[0] == Course.OPEN
    course, growths = judge(start, rounds)
    assert course == Course.LEAKS
    assert {growth.metric: growth.regressed for growth in growths} == {Metric.BLOCKS: True, Metric.FILES: False}
    assert growths[0].per_call == (1.0,) * STREAK
    assert growths[0].total == sum(calls)


def test_what_grows_with_the_size_of_the_rounds_is_no_leak() -> None:
    """A buffer that is emptied between the rounds holds what one round brings, and rounds become larger."""
    calls = [*work(100, STREAK + 1), 100]  # the first round is a burst against the level before
    held = [1, *calls]
    start, *rounds = rounds_of(calls, blocks=held, files=levels_after(calls, lambda n: n // 10))
    course, growths = judge(start, rounds)
    assert course == Course.LEAKS
    assert all(growth.regressed for growth in growths)  # until the small round is held against them
    assert {one.metric: one.regressed for one in confirm(growths, 100)} == {Metric.BLOCKS: False, Metric.FILES: True}


@given(st.integers(1, 10), st.integers(10, 1000))
def test_a_leak_outlasts_the_small_round(every: int, first: int) -> None:
    calls = work(first)
    rounds = decide(calls, levels_after(calls, lambda n: n // every))[1]
    calls = [*calls[:rounds], first]
    start, *after = rounds_of(calls, blocks=levels_after(calls, lambda n: n // every))
    assert [growth.regressed for growth in confirm(judge(start, after)[1], first)] == [True]


def test_an_ignored_metric_is_told_and_decides_nothing() -> None:
    calls = work(100, STREAK)
    start, *rounds = rounds_of(calls, garbage_objects=levels_after(calls, lambda n: n), blocks=[5] * (STREAK + 1))
    course, growths = judge(start, rounds, ignore=[Metric.GARBAGE_OBJECTS])
    assert course == Course.CLEAR
    assert not any(growth.regressed for growth in growths)
    assert "ignored" in next(growth.why for growth in growths if growth.metric == Metric.GARBAGE_OBJECTS)


def test_a_metric_that_could_not_always_be_read_decides_nothing() -> None:
    start, *rounds = rounds_of(work(100, 2), blocks=[5, 5, 5], files=[1, 2, 3])
    del rounds[0].counts[Metric.FILES]
    course, growths = judge(start, rounds)
    assert course == Course.CLEAR
    assert [growth.metric for growth in growths] == [Metric.BLOCKS]
