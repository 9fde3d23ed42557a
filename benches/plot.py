#!/usr/bin/env python3
"""Draws what `cargo bench --bench growth` has printed: what a call costs, and what memory, as the house grows.

  cargo bench --bench growth > docs/performance/growth.csv
  benches/plot.py docs/performance/growth.csv docs/performance/growth.svg

Needs matplotlib (Debian: python3-matplotlib).
"""
import collections
import csv
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

# The same figures give the same file.
matplotlib.rcParams["svg.hashsalt"] = "tollgate"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = sys.argv[1:]
    axes = collections.defaultdict(list)
    with open(source, newline="") as file:
        for row in csv.DictReader(file):
            axes[row["axis"]].append(row)
    figure, (time, memory) = plt.subplots(1, 2, figsize=(11, 4.2))
    for axis, rows in axes.items():
        sizes = [int(row["size"]) for row in rows]
        time.plot(sizes, [int(row["call_ns"]) / 1000 for row in rows], marker="o", label=axis)
        if rows[0]["bytes_each"]:
            memory.plot(sizes, [int(row["bytes_each"]) for row in rows], marker="o", label=axis)
    finish(time, "µs for a whole gated call")
    finish(memory, "bytes for each")
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None})


def finish(plot, what):
    """From zero, so that a slope is as steep as it is."""
    plot.set_xscale("log")
    plot.set_ylim(bottom=0)
    plot.set_xlabel("how many")
    plot.set_ylabel(what)
    plot.grid(alpha=0.3)
    plot.legend()


if __name__ == "__main__":
    main()
