"""The results: a table (Markdown), the raw numbers (JSON) and a plot (SVG)."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

from .peers import PEERS
from .plan import TASKS
from .tasks import Stream, Task, View

#: The nearest ranks of the ODM Performance Benchmark.
PERCENTILES = (10, 25, 50, 75, 90, 95, 98, 99)


class Results:
    """The samples of all tasks: `samples[task][environment][peer]` is a list of `{"cpu", "wall", "peak", "size"}`."""

    def __init__(self) -> None:
        self.samples: dict[str, dict[str, dict[str, list[dict[str, float]]]]] = defaultdict(
            lambda: defaultdict(lambda: defaultdict(list))
        )
        self.failures: list[dict[str, str]] = []
        self.versions: dict[str, str] = {}

    def add(self, environment: str, line: dict[str, Any]) -> None:
        """Take a line of a worker."""
        if "versions" in line:
            self.versions |= line["versions"]
        elif "failure" in line:
            self.failures.append({"environment": environment, **line})
        else:
            self.samples[line["task"]][environment][line["peer"]].append(
                {name: line[name] for name in ("cpu", "wall", "peak", "size")}
            )

    def summary(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Give the figures of each task and peer; a peer of two environments has those of the first.

        `cpu` and `wall` are medians in microseconds a document, `ratio` the median of the CPU over raw pymongo's in the
        same round, `score` MB/s of documents by the wall clock, `percentiles` of the wall clock in microseconds, `peak`
        the median of how far resident memory rose, in bytes.
        """
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for task, environments in self.samples.items():
            for peers in environments.values():
                for peer, samples in peers.items():
                    if peer not in found.setdefault(task, {}):
                        found[task][peer] = _figures(samples, peers.get("raw"))
        return found


def _figures(samples: list[dict[str, float]], raw: list[dict[str, float]] | None) -> dict[str, Any]:
    walls = sorted(sample["wall"] for sample in samples)
    wall = statistics.median(walls)
    ratios = [one["cpu"] / two["cpu"] for one, two in zip(samples, raw, strict=False)] if raw else []
    return {
        "cpu": statistics.median(sample["cpu"] for sample in samples) * 1e6,
        "wall": wall * 1e6,
        "ratio": statistics.median(ratios) if ratios else None,
        "score": samples[0]["size"] / wall / 1e6,
        "percentiles": {p: walls[max(0, int(len(walls) * p / 100) - 1)] * 1e6 for p in PERCENTILES},
        "peak": statistics.median(sample["peak"] for sample in samples),
        "samples": len(samples),
    }


def machine() -> str:
    """Describe the machine, and how busy it was in the last quarter of an hour: a benchmark alone makes 1 of it."""
    model = "an unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.release()}"
    return f"{os.cpu_count()} cores of {model}, {memory:.0f} GB, {system}, load average {os.getloadavg()[2]:.1f}"


def write(results: Results, folder: Path, name: str, about: dict[str, str]) -> list[Path]:
    """Write the three files; give their paths."""
    folder.mkdir(exist_ok=True)
    summary = results.summary()
    about = {**about, "machine": machine(), "versions": ", ".join(f"{k} {v}" for k, v in results.versions.items())}
    # The traceback is for whoever runs it, and names folders of theirs.
    failures = [{**one, "failure": one["failure"].strip().splitlines()[-1].strip()[:120]} for one in results.failures]
    paths = [folder / f"{name}.{ending}" for ending in ("md", "json", "svg")]
    paths[0].write_text(_markdown(summary, failures, about))
    paths[1].write_text(json.dumps({**about, "tasks": _rounded(summary), "failures": failures}, indent=1) + "\n")
    _plot(summary, about["scale"] == "quick", paths[2])
    return paths


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _markdown(summary: dict[str, Any], failures: list[dict[str, str]], about: dict[str, str]) -> str:
    quick = about["scale"] == "quick"
    names = [name for name in PEERS if any(name in peers for peers in summary.values())]
    others = [name for name in names if name != "raw"]
    ratios = [task for task in TASKS if task.name in summary and not task.alone]
    absolute = [task for task in TASKS if task.name in summary and task.alone]
    parts = [
        f"{about['date']}, {about['scale']} run, {about['documents']} documents, {about['machine']}.",
        f"{about['versions']}.",
        "The client's CPU: microseconds a document with raw pymongo, and how many times that each layer takes.",
        _table(
            ["task", "raw, us", *others, "goal"],
            [
                [task.titled(quick), _number(summary[task.name].get("raw", {}).get("cpu"))]
                + [_cell(summary[task.name], name, "ratio", "{:.2f}") for name in others]
                + [f"{task.goal:.2f}" if task.goal else ""]
                for task in ratios
            ],
        ),
        "The client's CPU in microseconds, where raw pymongo does not do the same:",
        _table(
            ["task", *names],
            [
                [task.titled(quick)] + [_cell(summary[task.name], name, "cpu", "{:.4g}") for name in names]
                for task in absolute
            ],
        ),
        "MB/s of documents by the wall clock, server and network included, as the ODM Performance Benchmark scores:",
        _table(
            ["task", *names],
            [
                [task.titled(quick)] + [_cell(summary[task.name], name, "score", "{:.3g}") for name in names]
                for task in ratios
                if not isinstance(task, View | Stream)
            ],
        ),
        *_requests(summary, names),
        "Memory: how far the resident size of the process rose at most, in MB.",
        _table(
            ["task", *names],
            [
                [task.titled(quick)] + [_cell(summary[task.name], name, "peak", "{:.1f}", 1e-6) for name in names]
                for task in TASKS
                if task.name in summary and (isinstance(task, Stream) or task.name in ("import", "hydrate"))
            ],
        ),
    ]
    if failures:
        told = [f"- {one.get('task')}, {one.get('peer', 'all')}: {one['failure']}" for one in failures]
        parts += ["What failed, and has no number:", "\n".join(told)]
    return "\n\n".join(parts) + "\n"


def _requests(summary: dict[str, Any], names: list[str]) -> list[str]:
    if "view" not in summary:
        return []
    row = ["requests a second"]
    row += [f"{1e6 / summary['view'][name]['wall']:.0f}" if name in summary["view"] else "" for name in names]
    return ["The Flask view by the wall clock, one request at a time:", _table(["", *names], [row])]


def _cell(peers: dict[str, Any], name: str, figure: str, form: str, factor: float = 1) -> str:
    value = peers.get(name, {}).get(figure)
    return "" if value is None else form.format(value * factor)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plot(summary: dict[str, Any], quick: bool, path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "quorum", "svg.fonttype": "none", "font.size": 8}
    import matplotlib.pyplot as plt

    figure, (bars, growth) = plt.subplots(2, 1, figsize=(9, 13), height_ratios=(3, 1))
    _bars(bars, summary, quick)
    _growth(growth, summary)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def _bars(axes: Any, summary: dict[str, Any], quick: bool) -> None:
    tasks = [task for task in TASKS if task.name in summary and not task.alone and not isinstance(task, Stream)]
    names = [name for name in PEERS if name != "raw" and any(name in summary[task.name] for task in tasks)]
    height = 0.85 / max(1, len(names))
    for place, name in enumerate(names):
        shown = [
            (row, summary[task.name][name]["ratio"]) for row, task in enumerate(tasks) if name in summary[task.name]
        ]
        axes.barh(
            [row + place * height for row, _ in shown],
            [ratio for _, ratio in shown],
            height,
            label=name,
            color=f"C{PEERS.index(name)}",
        )
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set(xscale="log", xlabel="client CPU, as a ratio to raw pymongo (logarithmic)")
    axes.set_yticks([row + 0.4 for row in range(len(tasks))], [task.titled(quick) for task in tasks])
    axes.invert_yaxis()
    axes.legend()


def _growth(axes: Any, summary: dict[str, Any]) -> None:
    streams: list[Task] = [task for task in TASKS if isinstance(task, Stream) and task.name in summary]
    for name in PEERS:
        points = [(task.counts[0], summary[task.name][name]["cpu"]) for task in streams if name in summary[task.name]]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name, color=f"C{PEERS.index(name)}")
    axes.set(xscale="log", yscale="log", xlabel="documents streamed", ylabel="client CPU, us a document")
    if streams:
        axes.legend(ncols=4)
