"""Write docs/reference/service.md and its plots from ``results/*.json``."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
REFERENCE = HERE.parents[1] / "docs" / "reference"
RESULTS = HERE / "results"

_HEAD = """# The service under load

Written by `python deploy/load/run.py` (load), `compare.py`, `shares.py` and `fuzz.py` (all in `deploy/load`) from
`deploy/load/results/`. Runs of two and a half minutes ("Load", "Health") are of 0.7.0 on a quiet machine: since then
heads, forms and uploads are bounded, and slots, workers and jobs shared out per caller. 0.9.0 was measured beside a
naive server and hostile callers. Soak and fuzzing of pictures and videos are of the code between 0.10.0 and 0.11.0,
on a machine that others kept busy (load averages stand beside the figures): their times are longer than a quiet one's.
"""
_RUNS = ("users16", "users500", "users2000", "soak")


def write() -> None:
    """Write the page from all measurements there are."""
    found = {p.stem: json.loads(p.read_text()) for p in sorted(RESULTS.glob("*.json"))}
    parts = [_HEAD]
    for make in (_targets, _load, _health, _plots, _soak, compared, _shares, in_a_pod, _decode, _fuzz):
        text = make(found)
        if text:
            parts.append(text)
    (REFERENCE / "service.md").write_text("\n".join(parts))


def _targets(found: dict[str, Any]) -> str:
    rows = []
    base = found.get("baseline", {}).get("portrait_per_s")
    if "alone" in found:
        rows.append(
            _row("one user, one megapixel, one face: p95", f"{found['alone']['p95_ms']:.0f} ms", "< 250 ms")
        )
    for name, share in (("users16", 0.8), ("users2000", 0.5)):
        if base and name in found:
            users, rate = found[name]["users"], found[name]["judged_per_s"]
            what = f"{users} users: pictures judged, of what the Scanner reaches without HTTP"
            rows.append(
                _row(what, f"{rate / base:.0%} ({rate:.2f} of {base:.2f} per second)", f">= {share:.0%}")
            )
    for name in ("users500", "users2000"):
        if name in found:
            run = found[name]
            p95 = max(_of(run, "judged", "p95_ms"), _of(run, "cached", "p95_ms"))
            rows.append(
                _row(f"{run['users']} users: p95 of accepted requests", f"{p95:.0f} ms", "< 2,000 ms")
            )
            rows.append(
                _row(
                    f"{run['users']} users: connection errors, time-outs, 5xx but deliberate 503",
                    str(run["failures"]),
                    "0",
                )
            )
            rows.append(
                _row(
                    f"{run['users']} users: p95 of refusals",
                    f"{_of(run, 'refused', 'p95_ms'):.0f} ms",
                    "fast",
                )
            )
            rows.append(
                _row(f"{run['users']} users: p99 of /livez", f"{run['health']['p99_ms']:.0f} ms", "< 100 ms")
            )
    if "soak" in found:
        soak = found["soak"]
        rows.append(
            _row(
                f"memory growth in {soak['seconds'] / 60:.0f} minutes",
                f"{soak['memory_growth_mb']} MB",
                "flat",
            )
        )
    if not rows:
        return ""
    return "## Targets\n\n| what | measured | target |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _load(found: dict[str, Any]) -> str:
    runs = [found[n] | {"name": n} for n in _RUNS if n in found]
    if not runs:
        return ""
    lines = [
        "## Load\n",
        "The service, its event loop and its one worker, was bound to one core, Locust and the probes to another.\n",
        "A JPEG of one face (512 x 512, about 60 kB). *Judged*: new bytes, through a worker. *Cached*: bytes judged "
        "before. *Refused*: 503 with Retry-After. The run with 16 users waits for nothing but Retry-After "
        "and sends only new bytes; the others wait one to three seconds and send half repeated, half new ones.\n",
        "| users | minutes | answer | count | per second | median ms | p95 ms | p99 ms | max ms |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        for answer in ("judged", "cached", "refused"):
            if answer in run:
                a = run[answer]
                cells = [
                    a["count"],
                    f"{a['per_s']:.2f}",
                    *(f"{a[k]:.0f}" for k in ("median_ms", "p95_ms", "p99_ms", "max_ms")),
                ]
                lines.append(
                    f"| {run['users']} | {run['seconds'] / 60:g} | {answer} | "
                    + " | ".join(map(str, cells))
                    + " |"
                )
    lines.append("")
    for run in runs:
        lines += [f"- {run['name']}: {text}" for text in run["failure_texts"]]
    return "\n".join(lines) + "\n"


def _health(found: dict[str, Any]) -> str:
    runs = [found[n] for n in _RUNS if n in found]
    if not runs:
        return ""
    lines = [
        "## Health, files and memory meanwhile\n",
        "`/livez`, asked four times a second on a new connection each time.\n",
        "| users | health p95 ms | p99 ms | max ms | failures | open files | worker restarts | memory growth MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        h = run["health"]
        cells = [
            run["users"],
            *(f"{h[k]:.0f}" for k in ("p95_ms", "p99_ms", "max_ms")),
            len(run["health_failures"]),
            run["open_files_max"],
            f"{run['worker_restarts']:.0f}",
            run["memory_growth_mb"],
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    when = ", ".join(sorted({r["measured_at"][:10] for r in runs}))
    return "\n".join([*lines, "", f"Measured on {when}."]) + "\n"


def _plots(found: dict[str, Any]) -> str:
    lines = []
    for name in ("users500", "users2000"):
        if name in found:
            _plot_load(found[name], REFERENCE / f"service-{name}.png")
            lines.append(f"![{found[name]['users']} users over time](service-{name}.png)\n")
    if "soak" in found and found["soak"]["memory"]:
        _plot_memory(found["soak"], REFERENCE / "service-soak.png")
        lines.append("![memory over the soak](service-soak.png)\n")
    return "## Plots\n\n" + "\n".join(lines) if lines else ""


def _soak(found: dict[str, Any]) -> str:
    """Return how memory, files, database and waiting went over the soak."""
    run = found.get("soak", {})
    if "stored" not in run:
        return ""
    lines = [
        "## Soak\n",
        f"By `python deploy/load/run.py soak`, {run['measured_at'][:10]}: {run['users']} users for "
        f"{run['seconds'] / 60:.0f} minutes, who judged {run['judged']['count']:,} pictures and asked for "
        f"{run['cached']['count']:,} more again; {run['failures']} requests failed, {run['worker_restarts']:.0f} "
        f"workers were replaced. Load average at the end: {run['load_average']:.0f}, on two cores.\n",
        "| minute | memory of all processes MB | open files | data folder MB | p95 of judged, last five minutes ms |",
        "|---|---|---|---|---|",
    ]
    for minute in range(5, int(run["seconds"] / 60) + 1, 5):
        at = [
            min(run[k], key=lambda x: abs(x[0] - 60 * minute))[1] for k in ("memory", "open_files", "stored")
        ]
        waits = [
            p95
            for s, name, _, _, p95 in run["history"]
            if name == "judged" and p95 and 60 * (minute - 5) <= s < 60 * minute
        ]
        p95 = sorted(waits)[len(waits) // 2] if waits else float("nan")
        lines.append(_row(str(minute), f"{at[0] / 1e6:.0f}", str(at[1]), f"{at[2] / 1e6:.1f}", f"{p95:.0f}"))
    lines.append(
        "\nThe data folder holds a reserve of 17 MB for erasing on a full disk, and the write-ahead log."
    )
    return "\n".join(lines) + "\n"


def _shares(found: dict[str, Any]) -> str:
    """Return the table of ``shares.py``: medians of its rounds."""
    run = found.get("shares")
    if run is None:
        return ""
    loads = [row["load_average"] for row in run["rows"]]
    lines = [
        "## Beside the version before\n",
        f"By `python deploy/load/shares.py --beside CHECKOUT`, {run['seconds']:.0f} seconds each, in turn, "
        f"{run['measured_at'][:10]}, on a busy machine (load average {min(loads):.0f} to {max(loads):.0f}): compare "
        "the rows with each other, not with the tables above, where a worker had a core and few were refused for each "
        "one judged. Medians.\n",
        "| users | checkout | rounds | judged | refused | event loop, CPU ms per answer | worker, CPU ms per picture "
        "| a Scanner alone | share of it | /livez p50 ms | p99 ms |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for users in sorted({row["users"] for row in run["rows"]}):
        for name, title in (("now", "this one"), ("before", run.get("before", "before"))):
            rows = [row for row in run["rows"] if (row["users"], row["checkout"]) == (users, name)]
            if not rows:
                continue

            def middle(value: Callable[[dict[str, Any]], float], rows: list[dict[str, Any]] = rows) -> float:
                return statistics.median(map(value, rows))

            cells = [
                f"{middle(lambda r: r['judged']):.0f}",
                f"{middle(lambda r: r['refused']):.0f}",
                f"{middle(lambda r: 1000 * r['loop_s'] / (r['judged'] + r['cached'] + r['refused'])):.2f}",
                f"{middle(lambda r: 1000 * r['worker_s'] / r['judged']):.1f}",
                f"{middle(lambda r: 1000 / r['alone_per_cpu_s']):.1f}",
                f"{middle(lambda r: r['share']):.0%}",
                f"{middle(lambda r: r['health']['median_ms']):.0f}",
                f"{middle(lambda r: r['health']['p99_ms']):.0f}",
            ]
            lines.append(_row(str(users), title, str(len(rows)), *cells))
    return "\n".join(lines) + "\n"


def compared(found: dict[str, Any]) -> str:
    """Return the tables of ``compare.py``."""
    if "compare" not in found:
        return ""
    run = found["compare"]
    lines = [
        "## Beside a naive server\n",
        f"By `python deploy/load/compare.py`, {run['seconds']:.0f} seconds each, {run.get('measured_at', 'now')[:10]}: "
        "FakeWeb, with users who share 200 keys, and [a server as one writes it in an evening]"
        "(../../benchmarks/naive_server.py) (FastAPI, Haar cascade, the same network), one after the other on the "
        f"same core. A Scanner alone judges {run['bare_per_cpu_s']:.1f} pictures per CPU second.\n",
        "| server | users | judged per s | per CPU s, event loop included | of a Scanner alone | cached | refused "
        "| lost or failed | median ms | p95 ms | /livez p99 ms |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for at in range(len(run["fakeweb"])):
        for name, title in (("fakeweb", "FakeWeb"), ("naive", "naive")):
            row = run[name][at]
            judged = row["judged"] or {"median_ms": float("nan"), "p95_ms": float("nan")}
            share = row["judged_per_cpu_s"] / run["bare_per_cpu_s"]
            cells = [
                title,
                row["users"],
                f"{row['judged_per_s']:.1f}",
                f"{row['judged_per_cpu_s']:.1f}",
                f"{share:.0%}",
            ]
            cells += [row["cached"], row["refused"], row["failures"]]
            cells += [f"{judged[k] or float('nan'):.0f}" for k in ("median_ms", "p95_ms")]
            lines.append(_row(*map(str, cells), f"{row['health']['p99_ms']:.0f}"))
    lines += [
        "\n## Beside hostile callers\n",
        "Twenty honest users beside two hundred connections without a key (endless heads and values, nameless parts, "
        "slow and silent bodies, half-open); one request a second beside another key that sends pictures, silent "
        "uploads, batches and videos without a pause. Memory is that of service, worker and job together.\n",
        "| who | when | answered | refused | lost | median ms | p95 ms | /livez p99 ms | memory, most less least MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, who in (("hostile", "twenty users"), ("greedy", "one a second")):
        for when in ("quiet", "beside them"):
            row = run[name][when]
            said = row["statuses"]
            refused = sum(n for status, n in said.items() if status in ("429", "503"))
            lost = sum(said.values()) - refused - said.get("200", 0)
            cells = [
                who,
                when,
                said.get("200", 0),
                refused,
                lost,
                f"{row['median_ms']:.0f}",
                f"{row['p95_ms']:.0f}",
            ]
            lines.append(_row(*map(str, cells), f"{row['health']['p99_ms']:.0f}", f"{row['grown_mb']:.0f}"))
    lines += ["\nWhat was wanted of both tables:\n", *_wanted(run)]
    return "\n".join(lines) + "\n"


def _wanted(run: dict[str, Any]) -> list[str]:
    """Return a table of the targets of ``compare.py``, with what was measured."""
    rows = [_row("what", "measured", "target", ""), "|---|---|---|---|"]

    def add(what: str, value: float, target: float, form: str, *, least: bool = False) -> None:
        met = value >= target if least else value <= target
        sign = "at least" if least else "at most"
        rows.append(
            _row(what, format(value, form), f"{sign} {format(target, form)}", "" if met else "missed")
        )

    for row in run["fakeweb"]:
        if row["users"] > 1:
            share = row["judged_per_cpu_s"] / run["bare_per_cpu_s"]
            what = f"{row['users']} users: of a Scanner alone, event loop included"
            add(what, share, 0.78 if row["users"] >= 2000 else 0.88, ".0%", least=True)
            add(f"{row['users']} users: p99 of /livez in ms", row["health"]["p99_ms"], 100, ".0f")
    for name, who in (("hostile", "hostile connections"), ("greedy", "a greedy key")):
        quiet, loud = run[name]["quiet"], run[name]["beside them"]
        add(f"beside {who}: p95 over its quiet value", loud["p95_ms"] / quiet["p95_ms"], 2, ".1f")
        add(f"beside {who}: p99 of /livez in ms", loud["health"]["p99_ms"], 100, ".0f")
    grown = run["hostile"]["beside them"]["grown_mb"]
    add("beside hostile connections: memory, most less least MB", grown, 64, ".0f")
    return rows


def in_a_pod(found: dict[str, Any]) -> str:
    """Return the table of ``pod.py``."""
    if "pod" not in found:
        return ""
    run = found["pod"]
    lines = [
        "## In a pod of half a core and 2 GiB\n",
        f"By `python deploy/load/pod.py`, {run['seconds']:.0f} seconds each, {run.get('measured_at', 'now')[:10]}: the "
        "settings of `deploy/kubernetes/base` within control groups of that size; every picture is new, one user "
        "waits one to three seconds between two, more do not wait.\n",
        "| users | judged per s | median ms | p95 ms | refused | lost or failed | /livez p99 ms | most memory MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in run["rows"]:
        judged = row["judged"] or {"per_s": 0.0, "median_ms": float("nan"), "p95_ms": float("nan")}
        cells = [
            row["users"],
            f"{judged['per_s']:.1f}",
            f"{judged['median_ms']:.0f}",
            f"{judged['p95_ms']:.0f}",
        ]
        cells += [
            row["refused"],
            row["failures"],
            f"{row['health']['p99_ms']:.0f}",
            f"{row['memory_mb']:.0f}",
        ]
        lines.append(_row(*map(str, cells)))
    return "\n".join(lines) + "\n"


def _decode(found: dict[str, Any]) -> str:
    if "decode" not in found:
        return ""
    run = found["decode"]
    lines = [
        "## What pictures cost to decode\n",
        "Milliseconds of CPU per megapixel, by `python deploy/load/decode.py` on pictures of "
        f"{run['megapixels']:.0f} megapixels, {run['measured']}: measured, and as the service reckons "
        "beforehand from format, depth, scans and bytes. Looking for faces takes 85 more, whatever the "
        "format. A JPEG that ends in an even block is decoded twice.\n",
        "| format | a photograph | reckoned | bytes per pixel | an even picture | reckoned |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in run["rows"].items():
        cells = [name]
        for kind in ("photograph", "even"):
            cells.append(f"{row[kind]:.1f}" if kind in row else "refused")
            cells.append(f"{row[f'{kind}_reckoned']:.1f}")
            if kind == "photograph":
                cells.append(f"{row['photograph_bytes']:.2f}")
        lines.append(_row(*cells))
    return "\n".join(lines) + "\n"


def _fuzz(found: dict[str, Any]) -> str:
    runs = [found[n] for n in ("fuzz-images", "fuzz-videos", "fuzz-schema") if n in found]
    if not runs:
        return ""
    lines = [
        "## Fuzzing\n",
        "Mutated uploads, with valid ones in between that must all be judged right; and requests that schemathesis "
        "makes up from the OpenAPI document.\n",
        "| what | requests | answers by status | valid ones judged right | 5xx but deliberate 503 | worker restarts "
        "| memory growth MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        by = ", ".join(f"{k}: {v}" for k, v in sorted(run["statuses"].items()))
        valid = f"{run['valid_right']} of {run['valid']}" if run.get("valid") else ""
        cells = (
            run["what"],
            run["requests"],
            by,
            valid,
            run["unwanted"],
            round(run.get("worker_restarts", 0)),
            run.get("memory_growth_mb", ""),
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def _plot_load(run: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (rate, time) = pyplot.subplots(2, 1, figsize=(8, 6), sharex=True, layout="constrained")
    for name, colour in (("judged", "tab:blue"), ("cached", "tab:green"), ("refused", "tab:orange")):
        rows = [r for r in run["history"] if r[1] == name]
        rate.plot([r[0] for r in rows], [r[3] for r in rows], colour, label=name)
        time.plot([r[0] for r in rows], [(r[4] or 0) / 1000 for r in rows], colour, label=name)
    rate.set_yscale("log")
    rate.set_ylabel("answers per second")
    rate.set_title(f"{run['users']} users, {run['spawn_per_s']} more each second, one core")
    rate.legend()
    time.axhline(2.0, color="grey", linestyle="--", linewidth=1)
    time.set_ylabel("p95 in seconds")
    time.set_xlabel("seconds since the start")
    for axis in (rate, time):
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _plot_memory(run: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(8, 3.5), layout="constrained")
    axis.plot([t / 60 for t, _ in run["memory"]], [b / 1e6 for _, b in run["memory"]])
    axis.set_ylim(bottom=0)
    axis.set_xlabel("minutes")
    axis.set_ylabel("memory in MB, all processes")
    axis.set_title(f"{run['users']} users for {run['seconds'] / 60:.0f} minutes")
    axis.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _of(run: dict[str, Any], answer: str, value: str) -> float:
    return float(run.get(answer, {}).get(value) or 0.0)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    write()
