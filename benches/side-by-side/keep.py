#!/usr/bin/env python3
"""Keeps of a result of the side-by-side harness what a reader asks for: one short line for each run, and a table of ratios.

  keep.py RESULT.json KEPT.json --over kamailio-gate [--also tollgate-digest=kamailio-gate-digest ..]

Writes KEPT.json and prints a Markdown table: median, least and most of the processor time of a call, and the median of its
ratios to the baseline of the same round. Python 3.11, standard library only.
"""
import argparse
import json
import statistics

ASKED = ["scenario", "driver", "rate", "seconds", "warm", "hold", "nice"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result")
    parser.add_argument("kept")
    parser.add_argument("--over", required=True, help="the baseline of whoever has none of its own")
    parser.add_argument("--also", action="append", default=[], metavar="PROXY=BASELINE")
    asked = parser.parse_args()
    with open(asked.result, encoding="utf-8") as file:
        result = json.load(file)
    runs = [kept(run) for run in result["runs"] if run["valid"]]
    with open(asked.kept, "w", encoding="utf-8") as file:
        file.write(as_lines({key: result["args"][key] for key in ASKED} | {"cpus": result["machine"]["cpus"]}, runs))
    print(table(runs, asked.over, dict(pair.split("=") for pair in asked.also)))


def kept(run):
    delay = run["gen"].get("lat_fwd_us") or run["gen"].get("lat_reject_us") or run["gen"].get("lat_answer_us") or {}
    return {
        "proxy": run["proxy"],
        "round": run["round"],
        "cpu_us": round(run["cpu_us_total"], 1),
        "delay_p50_us": delay.get("p50"),
        "delay_p99_us": delay.get("p99"),
        "retransmissions": run["retrans"],
        "others_on_core_percent": round(run["foreign_proxy_cpu_pct"]),
    }


def as_lines(head, runs):
    """One run a line, so that a diff shows which has changed."""
    lines = ",\n".join(f"  {json.dumps(run)}" for run in runs)
    return f'{{"asked": {json.dumps(head)},\n "runs": [\n{lines}\n]}}\n'


def table(runs, over, also):
    rows = ["| | processor time of a call, µs | ratio | to | delay p50, µs | p99, µs |", "|---|---|---|---|---|---|"]
    for proxy in dict.fromkeys(run["proxy"] for run in sorted(runs, key=lambda run: run["round"])):
        own = [run for run in runs if run["proxy"] == proxy]
        baseline = also.get(proxy, over)
        base = {run["round"]: run["cpu_us"] for run in runs if run["proxy"] == baseline}
        ratios = [run["cpu_us"] / base[run["round"]] for run in own if run["round"] in base]
        cells = [span([run["cpu_us"] for run in own], 0), span(ratios, 2), baseline]
        cells += [f"{statistics.median(run[key] or 0 for run in own):.0f}" for key in ("delay_p50_us", "delay_p99_us")]
        rows.append(f"| {proxy} | {' | '.join(cells)} |")
    return "\n".join(rows)


def span(values, places):
    if not values:
        return "–"
    return f"{statistics.median(values):.{places}f} ({min(values):.{places}f}–{max(values):.{places}f})"


if __name__ == "__main__":
    main()
