"""The consequences of each fault: a table that the tests of alerting fill, for `run` to print at the end."""

import json
import os

# Every fault that some test has to bring about, in the order of the table.
FAULTS = (
    "QR code wanted", "instance failed", "instance stopped", "instance stuck starting", "instance stuck pending", "instance flapping",
    "instances vanished", "all instances vanished", "API answers 401", "API answers 403 with a page", "API answers 429", "API answers 500",
    "API hangs", "list incomplete", "exporter killed", "exporter restarted", "exporter's clock 1 h fast", "exporter's clock 1 h slow",
    "target vanished", "all targets vanished", "shard missing", "engine restarted",
)


def add(fault, fired=(), told=(), silenced=(), false=()):
    """Notes one run of a fault: names of alerts, and in `told` (name, receiver, shipped seconds until then)."""
    if fault not in FAULTS:
        raise ValueError(f"not a fault of the table: {fault}")
    # Tests run in processes of their own; a line is written in one piece.
    if "FAULT_TABLE" in os.environ:
        with open(os.environ["FAULT_TABLE"], "a", encoding="utf-8") as file:
            file.write(json.dumps([fault, list(fired), list(told), list(silenced), list(false)]) + "\n")


def print_file(path):
    """Prints the table of the runs noted in a file, in Markdown, if there are any. The alerts' common prefix is left out."""
    if not os.path.exists(path):
        return
    rows = {}
    with open(path, encoding="utf-8") as file:
        for fault, fired, told, silenced, false in map(json.loads, file):
            row = rows.setdefault(fault, {"runs": 0, "fired": set(), "told": {}, "silenced": set(), "false": set()})
            row["runs"] += 1
            row["fired"] |= set(fired)
            row["silenced"] |= set(silenced)
            row["false"] |= set(false)
            for name, receiver, seconds in told:
                row["told"].setdefault((name, receiver), []).append(seconds)
    short = lambda names: ", ".join(sorted(name.removeprefix("Hypersender") for name in names)) or "–"
    print("\nTimes are those of the shipped settings.\n")
    print("| fault | runs | fired | told | after | fired but silenced | told falsely |", "|---|---|---|---|---|---|---|", sep="\n")
    for fault in filter(rows.get, FAULTS):
        row = rows[fault]
        told = sorted(row["told"].items())
        cells = (
            fault, str(row["runs"]), short(row["fired"]), ", ".join(f"{short([name])} → {receiver}" for (name, receiver), _ in told) or "–",
            ", ".join(_seconds(all_seconds) for _, all_seconds in told) or "–", short(row["silenced"]), short(row["false"]) if row["false"] else "none")
        print("| " + " | ".join(cells) + " |")
    print()
    missing = [fault for fault in FAULTS if fault not in rows]
    if missing:
        print(f"Not run to their end: {', '.join(missing)}.\n")


def _seconds(of_runs):
    least, most = round(min(of_runs)), round(max(of_runs))
    return f"{most} s" if least == most else f"{least} to {most} s"
