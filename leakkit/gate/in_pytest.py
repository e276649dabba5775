"""What the pytest plugin does once a test is gated: the hooks around the tests, and the ``leakkit`` fixture."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from leakkit.errors import UsageError
from leakkit.gate.measure import Subject, measure, measure_async, rounds_for
from leakkit.gate.model import Outcome
from leakkit.gate.plan import Plan, make_plan
from leakkit.gate.pytest_tidy import Tidy
from leakkit.gate.scenario import Caller, is_async
from leakkit.gate.variables import CHECKS_VARIABLE, OPTIONS_VARIABLE
from leakkit.gate.verdict import check_of, unmeasured

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from leakkit.gate.model import Check

    Render = Callable[[Check], str]

_GOES_ON = "mark it with @pytest.mark.leakkit(skip='reason') to leave it out"


def plan_for(item: pytest.Item, given: dict[str, Any]) -> Plan:
    """The plan from the command's options, the marker's and the call's own, the last one first.

    Fails the test when an option cannot be.
    """
    options = json.loads(os.environ.get(OPTIONS_VARIABLE, "{}"))
    keep = item.config.getoption("--leakkit-keep") or options.pop("keep", None)
    options = {name: value for name, value in {**options, **given}.items() if name != "skip"}
    try:
        return make_plan(**options, keep=Path(keep).absolute() if keep else None)
    except UsageError as error:
        why = f"{error.message}; {error.hint}".rstrip("; ")
    except TypeError as error:
        why = str(error).removeprefix("make_plan() ")
    pytest.fail(f"leakkit: {why}", pytrace=False)


class TestGate:
    """The hooks that gate marked tests, or all of them with ``--leakkit``.

    Args:
        config: pytest's.
        render: makes the text of a failure.
    """

    __test__ = False

    def __init__(self, config: pytest.Config, render: Render) -> None:
        self._render = render
        self._all = bool(config.getoption("--leakkit"))
        self._plan: Plan | None = None
        """Of the test whose body is to be repeated when it has run."""
        self._check: Check | None = None

    def _wanted(self, item: pytest.Item) -> dict[str, Any] | None:
        """The marker's options when a test is to be gated, else None."""
        markers = list(item.iter_markers("leakkit"))
        options: dict[str, Any] = {}
        for marker in reversed(markers):  # the closest one comes last
            if marker.args:
                pytest.fail("leakkit: the marker's options are given by name", pytrace=False)
            options |= marker.kwargs
        by_hand = "leakkit" in getattr(item, "fixturenames", ())
        if options.get("skip") or not (markers or self._all) or (by_hand and not markers):
            return None
        return options

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Let the test run as always, repeat its body, and conclude."""
        options = self._wanted(item)
        if options is None:
            return (yield)
        plan = plan_for(item, options)
        self._check = None
        if is_async(getattr(item, "obj", None)):
            self._repeat_inside(item, plan)
        else:
            self._plan = plan
        try:
            result = yield
        except Exception as error:
            record(item, unmeasured(item.nodeid, f"the test itself failed ({type(error).__name__})"))
            raise
        finally:
            self._plan = None
        conclude(item, self._found(item), self._render, lenient=not any(item.iter_markers("leakkit")))
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Repeat the body of a plain test, through whatever plugin calls it."""
        result = yield
        plan, self._plan = self._plan, None  # the calls below come back here
        if plan is not None:
            hook = pyfuncitem.ihook.pytest_pyfunc_call
            with Tidy(pyfuncitem) as tidy:
                self._check = measure(lambda: hook(pyfuncitem=pyfuncitem), subject_of(pyfuncitem), plan, tidy=tidy)
        return result

    def _found(self, item: pytest.Item) -> Check:
        """What the hooks below have measured while the test ran."""
        return self._check or unmeasured(item.nodeid, "only plain functions and methods can be repeated")

    def _repeat_inside(self, item: Any, plan: Plan) -> None:
        """Put the rounds of a coroutine function on the one event loop that its plugin makes for the test."""
        body = item.obj

        @functools.wraps(body)
        async def repeated(*args: Any, **kwargs: Any) -> object:
            result = await body(*args, **kwargs)
            with Tidy(item) as tidy:
                self._check = await measure_async(lambda: body(*args, **kwargs), subject_of(item), plan, tidy=tidy)
            return result

        item.obj = repeated


def subject_of(item: pytest.Item, number: int = 1) -> Subject:
    """The test as what is measured, or the ``number``-th thing that it measures itself."""
    file, line, _ = item.location
    name = item.nodeid if number == 1 else f"{item.nodeid}#{number}"
    return Subject(name, str(item.config.rootpath / file), None if line is None else line + 1)


def record(item: pytest.Item, check: Check) -> None:
    """Hand a check to the report of the test, and to ``leakkit gate`` if it runs this pytest."""
    item.user_properties.append(("leakkit", check.outcome.value))
    item.user_properties.append(("leakkit-headline", check.headline))
    folder = os.environ.get(CHECKS_VARIABLE)
    if folder:
        from leakkit.gate import wire  # noqa: PLC0415 - only with leakkit gate -- pytest

        descriptor, aside = tempfile.mkstemp(dir=folder, suffix=".part")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(wire.dump(check))
        Path(aside).rename(Path(aside).with_suffix(".json"))


def conclude(item: pytest.Item, check: Check, render: Render, *, lenient: bool = False) -> None:
    """Record a check and make it the test's outcome.

    Args:
        item: the test.
        check: its check.
        render: makes the text of a failure.
        lenient: whether a test that could not be measured is skipped (nobody asked for this one) or fails.
    """
    record(item, check)
    check = _judged(check, item.config.rootpath)
    if check.outcome == Outcome.PASS:
        return
    if check.outcome == Outcome.UNMEASURED:
        text = f"leakkit: {check.headline}; {_GOES_ON}"
        pytest.skip(text) if lenient else pytest.fail(text, pytrace=False)
    pytest.fail(f"leakkit: {render(check)}", pytrace=False)


def _judged(check: Check, root: Path) -> Check:
    """The check held against the project's budgets, baseline and suppressions; what is recorded is as measured."""
    from leakkit.gate.baseline import read_baseline  # noqa: PLC0415 - after the measurement, out of its way
    from leakkit.gate.budgets import read_policy  # noqa: PLC0415
    from leakkit.gate.judge import judge_check  # noqa: PLC0415
    from leakkit.gate.keep import only_of_failures  # noqa: PLC0415

    try:
        policy = read_policy(root)
        judged = judge_check(check, policy, read_baseline(policy.baseline))
        # With leakkit gate -- pytest it is the command that tidies up, after it has judged by itself.
        return judged if os.environ.get(CHECKS_VARIABLE) else only_of_failures(judged)
    except UsageError as error:
        pytest.fail(f"leakkit: {error.message} ({error.hint})", pytrace=False)


class Gate:
    """The ``leakkit`` fixture.

    Args:
        item: the test that asked for it.
        render: makes the text of a failure.
    """

    def __init__(self, item: pytest.Function, render: Render) -> None:
        self._item = item
        self._render = render
        self._number = 0

    def _next_subject(self) -> Subject:
        self._number += 1
        return subject_of(self._item, self._number)

    @contextlib.contextmanager
    def rounds(self, **options: Any) -> Iterator[Iterator[int]]:
        """Numbers to iterate over, with one unit of work for each; the test fails at the end if something grows.

        Args:
            options: those of the marker: calls, warmup, max_seconds, ignore.
        """
        subject = self._next_subject()
        with Tidy(self._item) as tidy:
            rounds = rounds_for(plan_for(self._item, options), subject.name, tidy)
            try:
                yield iter(rounds)
            finally:
                rounds.close()
        check = check_of(rounds, subject.name, file=subject.file, line=subject.line)
        conclude(self._item, check, self._render)

    def assert_no_growth(self, call: Callable[[], object], **options: Any) -> None:
        """Repeat a function without arguments, async or not, and fail the test if something grows.

        Args:
            call: one unit of work.
            options: those of the marker: calls, warmup, max_seconds, ignore.

        Raises:
            UsageError: a coroutine function inside a running event loop.
        """
        if is_async(call):
            with contextlib.suppress(RuntimeError):
                asyncio.get_running_loop()
                raise UsageError(
                    "assert_no_growth cannot run a coroutine function inside a running event loop",
                    "use `with leakkit.rounds() as calls: for _ in calls: await …`",
                )
        subject, plan = self._next_subject(), plan_for(self._item, options)
        with Tidy(self._item) as tidy, Caller(call) as once:
            check = measure(once, subject, plan, tidy=tidy)
        conclude(self._item, check, self._render)
