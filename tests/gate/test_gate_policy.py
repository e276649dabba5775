"""Budgets, suppressions and the baseline, and what they make of a measured check."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from gate.gate_samples import LEAK, finding, growth, leaking, passing, report, unmeasured

from leakkit.errors import UsageError
from leakkit.gate.baseline import Baseline, dump, read_baseline, updated, write_baseline
from leakkit.gate.budgets import Policy, parse_limit, parse_policy, read_policy
from leakkit.gate.judge import judge, judge_check
from leakkit.gate.model import AcceptedBy, Check, Metric, Outcome

TODAY = date(2026, 11, 25)
FILE = Path("pyproject.toml")


def policy(**table: object) -> Policy:
    return parse_policy({key.replace("_", "-"): value for key, value in table.items()}, FILE)


def judged(check: Check, rules: Policy | None = None, known: Baseline | None = None) -> Check:
    return judge_check(check, rules or Policy(), known, today=TODAY)


@pytest.mark.parametrize(
    ("text", "size", "share"),
    [("0", 0, None), (512, 512, None), ("64 B", 64, None), ("1.5 kB", 1500, None), ("2MB", 2e6, None), ("1 KiB", 1024, None), ("1 GiB", 2**30, None), ("+10%", None, 0.1), ("+ 2.5 %", None, 0.025)],
)
def test_limits(text: object, size: float | None, share: float | None) -> None:
    limit = parse_limit(text, "here")
    assert limit.size == size
    assert limit.share == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "ten", "-1", "10%", "1 TB", True, -5, float("nan"), [1], "1 kB per call"])
def test_what_is_no_limit(text: object) -> None:
    with pytest.raises(UsageError, match="here is not a size"):
        parse_limit(text, "here")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"growth": "1 kB"}, "unknown key 'growth'"),
        ({"findings": -1}, "findings is not a number"),
        ({"findings": True}, "findings is not a number"),
        ({"baseline": 3}, "baseline is not a file name"),
        ({"overrides": [{"peak": "1 MB"}]}, "override 1 has no subject"),
        ({"overrides": [{"subject": "*", "baseline": "x"}]}, "unknown key 'baseline'"),
        ({"suppress": [{"path": "a.*"}]}, "suppression 1 has no reason"),
        ({"suppress": [{"path": "a.*", "reason": " "}]}, "reason is not a text"),
        ({"suppress": [{"reason": "because"}]}, "needs either a fingerprint or a path"),
        ({"suppress": [{"reason": "because", "path": "a", "fingerprint": "b"}]}, "needs either"),
        ({"suppress": [{"reason": "because", "path": "a", "expires": "soon"}]}, "expires is not a day"),
        ({"suppress": [{"reason": "because", "path": "a", "until": "2027-01-01"}]}, "unknown key 'until'"),
        ({"suppress": {"reason": "because"}}, "suppress is a list of tables"),
        ([], "is not a table"),
    ],
)
def test_what_is_no_policy(table: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_policy(table, FILE)


def test_policy_of_the_nearest_pyproject(tmp_path: Path) -> None:
    """Found from below; the baseline stands beside it; overrides add to what is asked of all."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.leakkit]\ngrowth-per-call = "64 B"\npeak = "+10%"\nbaseline = "ci/leaks.json"\n'
        'suppress = [{ path = "app.*", reason = "filled once", expires = 2027-01-31 }]\n'
        '[[tool.leakkit.overrides]]\nsubject = "tests/test_upload.py::*"\ngrowth-per-call = "1 kB"\nfindings = 1\n'
    )
    inner = tmp_path / "src" / "deep"
    inner.mkdir(parents=True)
    read = read_policy(inner)
    assert read.baseline == tmp_path / "ci" / "leaks.json"
    assert read.suppressions[0].expires == date(2027, 1, 31)
    upload = read.budgets_for("tests/test_upload.py::test_it")
    assert upload.growth_per_call is not None
    assert (upload.growth_per_call.size, upload.findings, upload.peak) == (1000, 1, read.budgets.peak)
    assert read.budgets_for("other") == read.budgets
    (inner / "pyproject.toml").write_text("[tool.leakkit\n")
    with pytest.raises(UsageError, match="cannot read"):
        read_policy(inner)


def test_without_configuration_nothing_changes() -> None:
    """The rule's answer stands."""
    for check in (leaking(), passing(), unmeasured()):
        assert judged(check) == check


def test_known_is_a_note_new_fails_gone_is_asked_to_be_removed() -> None:
    """The three flows of a baseline."""
    known = updated(None, [leaking()])
    same = judged(leaking(), known=known)
    assert same.outcome == Outcome.PASS
    assert [one.by for one in same.accepted] == [AcceptedBy.BASELINE]
    assert any(note.startswith("known: ") for note in same.notes)

    more = judged(leaking(finding(), finding("beef00000000")), known=known)
    assert more.outcome == Outcome.REGRESSION
    assert [broken.budget for broken in more.broken] == ["new-finding"]
    assert "beef00000000" in more.headline or "beef00000000" in more.broken[0].message
    assert [one.fingerprint for one in more.new_findings] == ["beef00000000"]

    gone = judged(replace(passing(), subject=LEAK), known=known)
    assert gone.outcome == Outcome.PASS
    assert any(note.startswith("gone: app.audit_log (fingerprint 3f2a9c11d0b7)") and "--update" in note for note in gone.notes)


def test_a_known_leak_that_grows_faster_fails() -> None:
    """Growth above the median by more than a tenth and three deviations is a regression of its own."""
    known = updated(None, [leaking(rate=1024)])
    assert judged(leaking(rate=1090), known=known).outcome == Outcome.PASS
    faster = judged(leaking(rate=2048), known=known)
    assert faster.outcome == Outcome.REGRESSION
    assert "bytes grow by 2,050 a call, 1,020 in the baseline" in faster.broken[0].message
    files = replace(leaking(), growths=(*leaking().growths[:2], growth(Metric.FILES, 1, 1, 1, 1)))
    assert "files grow by 1 a call, which the baseline does not know" in judged(files, known=known).broken[0].message
    coarse = replace(leaking(), growths=(*leaking().growths[:2], growth(Metric.RSS, 1024, 1024, 1024, 1024)))
    assert judged(coarse, known=known).outcome == Outcome.PASS


def test_suspects_that_do_not_grow_are_not_new_findings() -> None:
    """What merely stands there differs from run to run and must not fail a check with a known leak."""
    known = updated(None, [leaking()])
    assert judged(leaking(finding(), finding("feed", rate=0.0), finding("fade", rate=None)), known=known).outcome == Outcome.PASS


def test_update_keeps_what_was_not_measured() -> None:
    """Subjects of other runs stay; one that could not be measured leaves no trace."""
    first = updated(None, [leaking(), leaking(subject="b")])
    second = updated(first, [passing(LEAK), unmeasured()])
    assert sorted(second.subjects) == [LEAK, "b"]
    assert second.subjects[LEAK].findings == ()
    assert second.subjects["b"] == first.subjects["b"]


def test_baseline_file_is_sorted_and_survives_a_round_trip(tmp_path: Path) -> None:
    """Same content, same bytes, whatever the order; no address gets in; other versions are refused."""
    dirty = replace(finding("a0"), holder=replace(finding().holder, name="<app.X object at 0x7fb6201e0110>.items"))
    path = tmp_path / "leakkit-baseline.json"
    write_baseline(updated(None, [leaking(subject="b"), leaking(finding("zz"), dirty)]), path)
    text = path.read_text()
    assert text == dump(updated(None, [leaking(dirty, finding("zz")), leaking(subject="b")]))
    assert "0x7fb" not in text
    assert path.stat().st_mode & 0o777 == 0o644
    content = json.loads(text)
    assert list(content["subjects"]) == sorted(content["subjects"])
    assert content["subjects"]["b"]["growth_per_call"]["bytes"] == {"deviation": 5.12, "median": 1020.0}
    read = read_baseline(path)
    assert read is not None
    assert dump(read) == text
    assert list(tmp_path.iterdir()) == [path]
    assert read_baseline(tmp_path / "none.json") is None
    for bad, message in (("{", "cannot read"), ('{"schema": "leakkit-baseline/9"}', "of this version"), ('{"schema": "leakkit-baseline/1", "subjects": {"a": {}}}', "is damaged")):
        path.write_text(bad)
        with pytest.raises(UsageError, match=message):
            read_baseline(path)


def test_growth_budget() -> None:
    """Proven growth passes up to the limit; open files are no bytes."""
    assert judged(leaking(), policy(growth_per_call="2 kB")).outcome == Outcome.PASS
    over = judged(leaking(), policy(growth_per_call="512 B"))
    assert over.outcome == Outcome.REGRESSION
    assert "bytes grow by 1,024 B a call, the budget is 512 B" in over.broken[0].message
    files = replace(leaking(), growths=(growth(Metric.FILES, 1, 1, 1, 1),))
    assert judged(files, policy(growth_per_call="1 MB")).outcome == Outcome.REGRESSION
    known = updated(None, [leaking(rate=1000)])
    assert judged(leaking(rate=1250), policy(growth_per_call="+30%"), known).outcome == Outcome.PASS
    assert judged(leaking(rate=1350), policy(growth_per_call="+30%"), known).outcome == Outcome.REGRESSION
    assert "a baseline that has none" in judged(leaking(), policy(growth_per_call="+30%")).broken[0].message


def test_retained_and_peak_budgets() -> None:
    """They fail a check that the rule lets pass; what cannot be held is never a pass."""
    check = replace(passing(), growths=(growth(Metric.BYTES, 500.0, 0.0, regressed=False),), peak_bytes=3_000_000)
    assert check.retained_bytes == 50_000
    assert judged(check, policy(retained="60 kB", peak="4 MB")).outcome == Outcome.PASS
    over = judged(check, policy(retained="40 kB", peak="4 MB"))
    assert (over.outcome, over.headline) == (Outcome.REGRESSION, "retained is 50,000 B, the budget is 40 kB")
    high = judged(check, policy(peak="2.9 MB"))
    assert high.headline == "peak is 3,000,000 B, the budget is 2.9 MB"
    known = updated(None, [replace(check, peak_bytes=2_800_000)])
    assert judged(check, policy(peak="+10%"), known).outcome == Outcome.PASS
    assert "2,800,000 B in the baseline" in judged(check, policy(peak="+5%"), known).headline
    without = judged(replace(check, peak_bytes=None), policy(peak="1 MB"))
    assert (without.outcome, "peak was not measured" in without.headline) == (Outcome.UNMEASURED, True)
    assert judged(check, policy(peak="+5%")).outcome == Outcome.UNMEASURED


def test_findings_budget() -> None:
    """So many new findings are let pass."""
    assert judged(leaking(), policy(findings=1)).outcome == Outcome.PASS
    assert judged(leaking(), policy(findings=0)).outcome == Outcome.REGRESSION
    assert judged(leaking(finding(), finding("b")), policy(findings=1)).outcome == Outcome.REGRESSION


@pytest.mark.parametrize(
    "entry",
    [{"fingerprint": "3f2a9c11d0b7"}, {"path": "app.audit_*"}, {"path": "app.audit_log?*"}, {"path": "src/app.py"}, {"path": "src/*", "subject": "app.*"}, {"path": "app.*", "expires": date(2026, 11, 25)}],
)
def test_suppressions(entry: dict[str, object]) -> None:
    """By fingerprint, holder, path or file; the last day still counts; the reason is told."""
    check = judged(leaking(), policy(suppress=[{"reason": "known and planned", **entry}]))
    assert check.outcome == Outcome.PASS
    assert check.accepted[0].by == AcceptedBy.SUPPRESSION
    assert any("known and planned" in note and note.startswith("suppressed") for note in check.notes)


def test_suppressions_by_the_file_as_the_process_saw_it() -> None:
    check = judged(leaking(finding(file="/build/checkout/src/app.py")), policy(suppress=[{"reason": "r", "path": "src/app.py"}]))
    assert check.outcome == Outcome.PASS


@pytest.mark.parametrize("entry", [{"path": "other.*"}, {"fingerprint": "0"}, {"path": "app.*", "subject": "tests/*"}, {"path": "app.*", "expires": date(2026, 11, 24)}])
def test_suppressions_that_do_not_apply(entry: dict[str, object]) -> None:
    assert judged(leaking(), policy(suppress=[{"reason": "r", **entry}])).outcome == Outcome.REGRESSION


def test_stale_suppressions_are_reported() -> None:
    """Unused and expired ones, but not those of checks that were not part of this run."""
    rules = policy(suppress=[
        {"reason": "in use", "path": "app.*"}, {"reason": "nobody needs it", "path": "old.*"},
        {"reason": "was for the release", "path": "app.*", "expires": date(2026, 1, 1)}, {"reason": "another run", "path": "x", "subject": "tests/*"},
    ])  # fmt: skip
    done = judge(report(leaking()), rules, None, today=TODAY)
    told = done.warnings[1:]
    assert told == (
        "suppression of path 'old.*' is unused: remove it (nobody needs it)",
        "suppression of path 'app.*' expired on 2026-01-01: fix the leak, or give a new day",
    )
    assert done.outcome == Outcome.PASS
    failing = judge(report(leaking(finding("new", file=None))), policy(suppress=[{"reason": "r", "path": "old.*"}]), None, today=TODAY)
    assert (failing.outcome, failing.warnings[1:]) == (Outcome.REGRESSION, ())
