"""Which detector finds which leak, and which calls healthy work a leak: all side by side, each run in its own process.

    python benchmarks/gate/run.py                       all detectors, all scenarios
    python benchmarks/gate/run.py --only leakkit        one detector
    python benchmarks/gate/run.py --healthy-runs 1000   leakkit alone, on healthy scenarios, again and again

Exit status 1 when leakkit misses a leak or gives a false alarm.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from healthy import HEALTHY  # noqa: E402
from leaks import LEAKS  # noqa: E402
from native import FOLDER_VARIABLE, build  # noqa: E402

TIMEOUT = 300
PEERS = ("psleak", "pytest-memray", "tracemalloc", "objgraph")


def subject(function) -> str:
    return f"{function.__module__}:{function.__name__}"


def ask(detector: str, name: str) -> tuple[str, float]:
    """The verdict, ``leak``, ``ok`` or ``?``, and the seconds that it took, the start of the process included."""
    env = {**os.environ, "PYTHONPATH": str(HERE)}
    began = time.perf_counter()
    try:
        verdict = _leakkit(name, env) if detector == "leakkit" else _peer(detector, name, env)
    except subprocess.TimeoutExpired:
        verdict = "?"
    return verdict, time.perf_counter() - began


def _leakkit(name: str, env: dict[str, str]) -> str:
    rows = gate_all([name], env)
    return rows[0][1] if rows else "?"


def _peer(detector: str, name: str, env: dict[str, str]) -> str:
    """A peer's verdict: what it says, for an exit status of 1 may also be a crash."""
    if detector == "pytest-memray":
        options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--memray"]
        command = [sys.executable, "-m", "pytest", *options, str(HERE / "memray_case.py")]
        env = {**env, "LEAKKIT_BENCH_SUBJECT": name}
    else:
        command = [sys.executable, str(HERE / "detectors.py"), detector, name]
    if detector == "psleak":
        env = {**env, "PYTHONMALLOC": "malloc", "PYTHONUNBUFFERED": "1"}  # it refuses to work otherwise
    done = subprocess.run(command, env=env, cwd=HERE, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if detector == "pytest-memray":
        return "leak" if "MEMORY PROBLEMS" in done.stdout else "ok" if done.returncode == 0 else "?"
    lines = done.stdout.split()
    return lines[-1] if done.returncode == 0 and lines else "?"


def gate_all(names: list[str], env: dict[str, str]) -> list[tuple[str, str, float]]:
    """(subject, verdict, seconds) of one ``leakkit gate`` on several scenarios, each in a fresh process of its own."""
    with tempfile.TemporaryDirectory(prefix="leakkit-bench-") as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "leakkit", "gate", "--report", f"json={report}", *names]
        subprocess.run(command, env=env, cwd=folder, capture_output=True, timeout=TIMEOUT * len(names), check=False)
        checks = json.loads(report.read_text())["checks"] if report.exists() else []
    words = {"pass": "ok", "regression": "leak"}
    return [(check["subject"], words.get(check["outcome"], "?"), check["seconds"]) for check in checks]


def compare(detectors: list[str], functions: list, title: str, expected: str) -> dict[str, list[tuple[str, float]]]:
    """One table: a row a scenario, a column a detector."""
    width = max(len(function.__name__) for function in functions)
    print(f"\n{title:<{width}}  " + "  ".join(f"{name:>16}" for name in detectors), flush=True)
    found: dict[str, list[tuple[str, float]]] = {name: [] for name in detectors}
    for function in functions:
        cells = []
        for name in detectors:
            verdict, seconds = ask(name, subject(function))
            found[name].append((verdict, seconds))
            wrong = "" if verdict == expected else " !"
            cells.append(f"{verdict + wrong:>8} {seconds:6.1f}s")
        print(f"{function.__name__:<{width}}  " + "  ".join(f"{cell:>16}" for cell in cells), flush=True)
    return found


def summary(leaks: dict, healthy: dict) -> None:
    print(f"\n{'':<14}  leaks found  false alarms  seconds a verdict: median (leak)  median (healthy)  longest")
    for name, rows in leaks.items():
        hits = sum(verdict == "leak" for verdict, _ in rows)
        alarms = sum(verdict == "leak" for verdict, _ in healthy[name])
        leak_times, healthy_times = ([seconds for _, seconds in group] for group in (rows, healthy[name]))
        print(
            f"{name:<14}  {hits:>4} of {len(rows):<3}  {alarms:>5} of {len(healthy[name]):<3}  "
            f"{statistics.median(leak_times):>31.1f}  {statistics.median(healthy_times):>16.1f}  {max(leak_times + healthy_times):>7.1f}"
        )
    print("\n! is a wrong verdict; ? is none (it failed or took more than five minutes).")


def again_and_again(runs: int, jobs: int) -> int:
    """leakkit on healthy scenarios, a fresh process each time; the number of wrong verdicts."""
    names = [subject(HEALTHY[number % len(HEALTHY)]) for number in range(runs)]
    chunks = [names[at : at + len(HEALTHY)] for at in range(0, runs, len(HEALTHY))]
    wrong: collections.Counter = collections.Counter()
    times: list[float] = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        env = {**os.environ, "PYTHONPATH": str(HERE)}
        for found in pool.map(lambda chunk: gate_all(chunk, env), chunks):
            times += [seconds for _, _, seconds in found]
            wrong.update(f"{verdict} {name}" for name, verdict, _ in found if verdict != "ok")
            print(f"{len(times)} runs, wrong so far: {dict(wrong) or 'none'}", flush=True)
    print(
        f"{len(times)} healthy runs of {len(HEALTHY)} scenarios: {sum(wrong.values())} wrong {dict(wrong) or ''}; "
        f"measured in {statistics.median(times):.1f} s (median), {max(times):.1f} s the longest"
    )
    return sum(wrong.values()) + runs - len(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=["leakkit", *PEERS], help="these detectors only")
    parser.add_argument("--scenario", action="append", help="these scenarios only")
    parser.add_argument("--healthy-runs", type=int, metavar="N", help="leakkit alone, N runs of healthy scenarios")
    parser.add_argument("--jobs", type=int, default=1, help="with --healthy-runs: so many at a time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="leakkit-bench-") as folder:
        build(Path(folder))
        os.environ[FOLDER_VARIABLE] = folder
        if options.healthy_runs:
            return int(again_and_again(options.healthy_runs, options.jobs) > 0)
        detectors = options.only or ["leakkit", *PEERS]
        chosen = [
            [f for f in group if not options.scenario or f.__name__ in options.scenario] for group in (LEAKS, HEALTHY)
        ]
        leaks = compare(detectors, chosen[0], "leaks", "leak") if chosen[0] else {}
        healthy = compare(detectors, chosen[1], "healthy", "ok") if chosen[1] else {}
        if leaks and healthy:
            summary(leaks, healthy)
        mine = [(v, "leak") for v, _ in leaks.get("leakkit", ())] + [(v, "ok") for v, _ in healthy.get("leakkit", ())]
        return int(any(verdict != expected for verdict, expected in mine))


if __name__ == "__main__":
    sys.exit(main())
