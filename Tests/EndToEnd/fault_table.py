"""What each fault led to: a table that the tests of alerting fill, and print at the end."""

import threading

# Every fault that some test has to bring about, in the order of the table.
FAULTS = (
    "QR code wanted", "instance failed", "instance stopped", "instance stuck starting", "instance stuck pending", "instance flapping",
    "instances vanished", "all instances vanished", "API answers 401", "API answers 403 with a page", "API answers 429", "API answers 500",
    "API hangs", "list incomplete", "exporter killed", "exporter restarted", "exporter's clock 1 h fast", "exporter's clock 1 h slow",
    "target vanished", "all targets vanished", "shard missing", "engine restarted",
)


class FaultTable:
    def __init__(self):
        self._lock = threading.Lock()
        self._rows = {}

    def add(self, fault, fired=(), told=(), silenced=(), false=()):
        """Notes one run of a fault: names of alerts, and in `told` (name, receiver, shipped seconds until then)."""
        if fault not in FAULTS:
            raise ValueError(f"not a fault of the table: {fault}")
        with self._lock:
            row = self._rows.setdefault(fault, {"runs": 0, "fired": set(), "told": {}, "silenced": set(), "false": set()})
            row["runs"] += 1
            row["fired"] |= set(fired)
            row["silenced"] |= set(silenced)
            row["false"] |= set(false)
            for name, receiver, seconds in told:
                row["told"].setdefault((name, receiver), []).append(seconds)

    def __str__(self):
        """Markdown. The alerts' common prefix is left out."""
        short = lambda names: ", ".join(sorted(name.removeprefix("Hypersender") for name in names)) or "–"
        lines = ["| fault | runs | fired | told | after | fired but silenced | told falsely |", "|---|---|---|---|---|---|---|"]
        for fault in filter(self._rows.get, FAULTS):
            row = self._rows[fault]
            told = sorted(row["told"].items())
            cells = (
                fault, str(row["runs"]), short(row["fired"]), ", ".join(f"{short([name])} → {receiver}" for (name, receiver), _ in told) or "–",
                ", ".join(_seconds(all_seconds) for _, all_seconds in told) or "–", short(row["silenced"]), short(row["false"]) if row["false"] else "none")
            lines.append("| " + " | ".join(cells) + " |")
        missing = [fault for fault in FAULTS if fault not in self._rows]
        return "\n".join(lines) + (f"\n\nNot run to their end: {', '.join(missing)}." if missing else "")

    def __bool__(self):
        return bool(self._rows)


def _seconds(of_runs):
    least, most = round(min(of_runs)), round(max(of_runs))
    return f"{most} s" if least == most else f"{least} to {most} s"
