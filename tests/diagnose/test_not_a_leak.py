"""What grows or is large and is no leak: the verdict is clean and the report explains it."""

from __future__ import annotations

from heap_dump import Dump, Obj
from series import first, grow, rules

from leakkit.diagnose import diagnose
from leakkit.model import Verdict


def fill(dump: Dump, container: Obj, count: int, size: int = 20_000) -> list[Obj]:
    """That many more entries."""
    values = [dump.bytes(size) for _ in range(count)]
    for index, value in enumerate(values):
        if container.type == "dict":
            container[index] = value
        else:
            container.append(value)
    return values


def app() -> tuple[Dump, Obj]:
    dump = Dump()
    return dump, dump.module("app", file="/srv/app/app.py")


def test_bounded_cache_below_its_limit_is_filling() -> None:
    """The observation says when it will be full and how big it gets."""
    dump, module = app()
    module["recent"] = recent = dump.deque(maxlen=1000)
    report = grow(dump, lambda n: fill(dump, recent, 100))
    assert report.verdict == Verdict.CLEAN
    seen = next(o for o in report.not_leaks if "recent" in o.title)
    assert "1,000" in seen.why
    assert "20 MB" in seen.why
    assert "will be full in" in seen.why


def test_without_a_limit_the_same_growth_is_a_leak() -> None:
    """Taking away the bound changes the verdict."""
    dump, module = app()
    module["recent"] = recent = dump.deque()
    assert grow(dump, lambda n: fill(dump, recent, 100)).verdict == Verdict.LEAK


def test_warm_up_then_flat() -> None:
    """Growth that ends is no growth in every interval."""
    dump, module = app()
    module["catalogue"] = catalogue = dump.dict()
    report = grow(dump, lambda n: fill(dump, catalogue, 200 if n < 2 else 0), snapshots=4)
    assert report.verdict == Verdict.CLEAN


def test_growth_that_fades() -> None:
    """Each interval adds a fraction of what the one before added."""
    dump, module = app()
    module["pool"] = pool = dump.list()
    report = grow(dump, lambda n: fill(dump, pool, 256 >> (2 * n)), snapshots=4)
    assert report.verdict == Verdict.CLEAN
    assert any("fades" in o.why for o in report.not_leaks)


def test_two_intervals_do_not_prove_a_ceiling() -> None:
    """Less growth in the second of two intervals may be less work: a suspect, neither a leak nor cleared."""
    dump, module = app()
    module["listeners"] = listeners = dump.list()
    report = grow(dump, lambda n: fill(dump, listeners, (100, 200, 20)[n]))
    assert report.verdict == Verdict.SUSPECT
    found = first(report)
    assert "growth-may-fade" in rules(found)
    assert "listeners" in found.holder.name
    assert "take more snapshots" in report.headline


def test_steady_large_data() -> None:
    """A large data set that does not change is an observation, not a finding."""
    dump, module = app()
    module["INDEX"] = index = dump.dict()
    fill(dump, index, 1000)
    report = grow(dump, lambda n: None)
    assert report.verdict == Verdict.CLEAN
    assert "app.INDEX" in report.not_leaks[0].title
    assert "no leak found" in report.headline


def test_sawtooth() -> None:
    """Up, up, and down again."""
    dump, module = app()
    module["batch"] = batch = dump.list()
    values: list[Obj] = []

    def step(number: int) -> None:
        if number == 2:
            for value in values:
                batch.unref(value)
            dump.free(*values)
            values.clear()
        values.extend(fill(dump, batch, 300))

    assert grow(dump, step, snapshots=4).verdict == Verdict.CLEAN


def test_entries_that_expire() -> None:
    """More entries each time, but none of the old ones: a cache with a time to live under rising load."""
    dump, module = app()
    module["cache"] = cache = dump.dict()
    values: list[Obj] = []

    def step(number: int) -> None:
        old = list(values)
        values[:] = fill(dump, cache, 100 * (number + 1))
        for value in old:
            cache.unref(value)
        dump.free(*old)

    report = grow(dump, step)
    assert report.verdict == Verdict.CLEAN, report.findings
    assert any("expire" in o.why for o in report.not_leaks)


def test_imports() -> None:
    """Modules and their code that come with the first use."""
    dump, module = app()

    def step(number: int) -> None:
        for index in range(10):
            dump.module(f"lib{number}_{index}")["TABLE"] = dump.bytes(100_000)

    report = grow(dump, step)
    assert report.verdict == Verdict.CLEAN, report.findings
    assert any("imported" in o.title for o in report.not_leaks)


def test_growth_without_an_explanation_is_inconclusive() -> None:
    """Resident memory rises in every interval and nothing found says why."""
    dump, _ = app()
    taken = [dump.snapshot(rss=n, memory={"file_mapped": n - 20_000_000, "anonymous": 19_000_000}) for n in (50_000_000, 70_000_000, 90_000_000)]
    report = diagnose(taken)
    assert report.verdict == Verdict.INCONCLUSIVE
    assert any("longer" in line for line in report.warnings)


def test_a_young_burst_in_an_old_process_is_doubted() -> None:
    """Run backwards, the growth began long after the process: the evidence says so."""
    dump, module = app()
    module["batch"] = batch = dump.list()
    finding = first(grow(dump, lambda n: fill(dump, batch, 100)))
    doubt = next(e for e in finding.evidence if e.rule == "since-the-start")
    assert doubt.favours == "inconclusive"
    assert "since-the-start" in rules(finding)
