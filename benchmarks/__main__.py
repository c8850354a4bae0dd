"""Measure quorum beside raw pymongo and its peers."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from . import report
from .documents import Documents
from .peers import ENVIRONMENTS, PEERS
from .plan import TASKS
from .report import Results
from .tasks import Task

ROOT = Path(__file__).parent.parent


def main() -> None:
    options = _options()
    tasks = [task for task in TASKS if not options.only or task.name in options.only]
    tasks = [task for task in tasks if not options.quick or task.rounds[1]]
    chosen = {"raw", "quorum", *options.peer} if options.peer else set(PEERS)
    results = Results()
    plan = {
        environment: [name for name in names if name in chosen]
        for environment, names in ENVIRONMENTS.items()
        if chosen.intersection(names[2:]) or environment == "main"
    }
    total = sum(len(names) * task.rounds[options.quick] for names in plan.values() for task in tasks)
    with tqdm(total=total, unit="sample", smoothing=0) as progress:
        for environment, names in plan.items():
            _run(environment, names, tasks, options, results, progress)
        progress.update(total - progress.n)  # what a peer cannot do was counted
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        "documents": Documents(options.data).source,
        "scale": "quick" if options.quick else "full",
    }
    name = "quick" if options.quick or options.only or options.peer else "full"
    for path in report.write(results, options.results, name, about):
        print(path)
    for failure in results.failures:
        print(f"{failure.get('task')}, {failure.get('peer', 'all')}: {failure['failure']}", file=sys.stderr)
    sys.exit(any(failure.get("peer") in (None, "raw", "quorum") for failure in results.failures))


def _options() -> Any:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [task.name for task in TASKS]
    parser.add_argument("--only", nargs="+", choices=names, metavar="TASK", help=f"measure these: {', '.join(names)}")
    parser.add_argument(
        "--peer", nargs="+", choices=PEERS, metavar="PEER", help=f"beside these: {', '.join(PEERS[2:])}"
    )
    parser.add_argument("--quick", action="store_true", help="fewer documents and rounds: less than three minutes")
    parser.add_argument("--data", type=Path, help="a folder with the benchmark's own files, or with sample_mflix's")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results", help="where to write")
    return parser.parse_args()


def _run(environment: str, names: list[str], tasks: list[Task], options: Any, results: Results, progress: Any) -> None:
    python = ROOT / ".venv-bench" / environment / "bin" / "python"
    given = {
        "peers": names,
        "tasks": [task.name for task in tasks],
        "quick": options.quick,
        "data": str(options.data.resolve()) if options.data else None,
    }
    command = [str(python), "-m", "benchmarks.worker", json.dumps(given)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        for text in worker.stdout:
            line = json.loads(text)
            results.add(environment, line)
            progress.set_postfix_str(line.get("task", ""), refresh=False)
            progress.update("cpu" in line)
    if worker.returncode:
        results.add(environment, {"failure": f"the worker of {environment} ended with {worker.returncode}"})


if __name__ == "__main__":
    main()
