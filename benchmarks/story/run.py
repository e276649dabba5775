"""The story of docs/story.md, measured: a websocket service that is diagnosed and repaired in two rounds.

    pip install '.[demo]' && python benchmarks/story/run.py

Each round runs a version of the service under load, diagnoses it live, applies the fix that the first finding names
(each has a version of ``server.py``), and runs that under the same load.  About a minute and 1.5 GB of memory; the reports go
to stdout in full with ``--reports``.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from leakkit.capture.launch import launch
from leakkit.capture.take import take_snapshot
from leakkit.demo.stage import Stage, open_stage, settled_bytes
from leakkit.diagnose import diagnose
from leakkit.model import FixId, Report
from leakkit.report import render

SERVER = Path(__file__).with_name("server.py")
SETTLE_SECONDS = 3.0


@dataclass(frozen=True)
class Round:
    """One round of repair: a version, the load that shows its leak, and the version for each fix that it may call for."""

    version: str
    load: tuple[str, ...]
    repaired: dict[FixId, str]


ROUNDS = (
    Round(
        "first", ("CONNECT 70", "CONNECT 140", "CONNECT 200"), {FixId.ISOLATE: "isolated", FixId.HIBERNATE: "isolated"}
    ),
    Round("isolated", ("CONNECT 300", "ASK 1", "ASK 1", "ASK 1"), {FixId.COLLECT: "collected"}),
)


def run(stage: Stage, version: str, load: tuple[str, ...], rows: int) -> tuple[Report, int]:
    """The diagnosis of a version under load, and its resident bytes when it is idle again."""
    command, port_file = stage.server_command(SERVER.name, version, rows)
    snapshots = []
    with (
        stage.log(version) as log,
        launch(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as server,
        stage.clients(port_file) as clients,
    ):
        for order in load:
            clients.obey(order)
            resident = settled_bytes(server.pid, SETTLE_SECONDS)
            snapshots.append(take_snapshot(server.pid))
            print(f"{version}: {order}: {resident / 1e6:,.0f} MB", file=sys.stderr)
    return diagnose(snapshots), resident


def main() -> int:
    """Both rounds; 1 when a diagnosis calls for a fix that the story does not have."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300, help="rows of an answer, 3 kB each (300)")
    parser.add_argument("--reports", action="store_true", help="print the whole report of each round")
    options = parser.parse_args()
    table = []
    with open_stage() as stage:
        shutil.copy(SERVER, stage.folder)
        for number, part in enumerate(ROUNDS, 1):
            report, before = run(stage, part.version, part.load, options.rows)
            print(f"== round {number}\n")
            print(render(report) if options.reports else f"{report.headline}\n")
            finding = report.findings[0] if report.findings else None
            if finding is None or finding.fix.id not in part.repaired:
                print(
                    f"round {number}: no version for {finding.fix.id if finding else 'nothing found'}", file=sys.stderr
                )
                return 1
            after_report, after = run(stage, part.repaired[finding.fix.id], part.load, options.rows)
            predicted, measured = finding.fix.saving_bytes or 0, before - after
            ratio = f"{predicted / measured:.2f}" if measured > 0 else "none"
            sizes = (f"{size / 1e6:,.0f} MB" for size in (before, after, predicted, measured))
            table.append(
                (number, finding.retention.value, finding.fix.id.value, *sizes, ratio, after_report.verdict.value)
            )
    headers = ("round", "class", "fix", "before", "after", "predicted", "measured", "ratio", "then")
    print(tabulate(table, headers, disable_numparse=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
