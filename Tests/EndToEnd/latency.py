"""The time from a change to the page, computed from the shipped files; run as a program it prints the table of deploy/prometheus/README.md.

A poll has to see the change, a scrape the poll, and an evaluation the scrape. Then the alert's `for` runs, counted in evaluations, and
Alertmanager waits for what belongs to the same group. Polls, scrapes and evaluations know nothing of each other: each wait is as likely to
be short as long. The worst case is the sum of the longest ones.
"""

import math
import random
import re

import yaml

import alertmanager
from exporter import TOP, source

RULES = TOP / "deploy/prometheus/hypersender.rules.yml"
PROMETHEUS = TOP / "deploy/prometheus/prometheus.yml"
CONFIGURATION = TOP / "deploy/CONFIGURATION.md"

RUNS = 20_000
# The API's answer takes no longer, unless it hangs.
ANSWER = 1.0

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text):
    """A duration as Prometheus writes it."""
    parts = re.findall(r"(\d+)(ms|[smhd])", text)
    if "".join(map("".join, parts)) != text:
        raise ValueError(f"not a duration: {text!r}")
    return sum(int(number) * UNITS[unit] for number, unit in parts)


def only(pattern, text):
    """The group of the only match of a pattern."""
    (found,) = re.findall(pattern, text)
    return found


class Settings:
    """All that the time depends on, as it is shipped."""

    def __init__(self):
        flags = CONFIGURATION.read_text()
        self.poll_interval, self.poll_timeout = (
            seconds(only(rf"\n\| `--poll\.{name}` .*?\| `(\d\w+)`", flags)) for name in ("interval", "timeout"))
        self.stale_after = int(only(r"\n\| `--poll\.stale-after` .*?\| (\d+) intervals \|", flags)) * self.poll_interval

        schedule = source("PollSchedule")
        self.jitter = float(only(r"interval \* \(1 \+ random \* ([\d.]+)\)", schedule))
        self.backoff_jitter = float(only(r"Double\(1 << doublings\)\) \* \(1 \+ random \* ([\d.]+)\)", schedule))
        self.longest_backoff = float(only(r"maximumBackoff = Duration\.seconds\((\d+)\)", schedule))

        prometheus = yaml.safe_load(PROMETHEUS.read_text())
        (job,) = prometheus["scrape_configs"]
        self.scrape_interval = seconds(job.get("scrape_interval", prometheus["global"]["scrape_interval"]))
        self.scrape_timeout = seconds(job["scrape_timeout"])

        groups = yaml.safe_load(RULES.read_text())["groups"]
        (group,) = [group for group in groups if any("alert" in rule for rule in group["rules"])]
        self.evaluation_interval = seconds(group.get("interval", prometheus["global"]["evaluation_interval"]))
        self.rules = {rule["alert"]: rule for rule in group["rules"] if "alert" in rule}
        (blind,) = [rule for rule in group["rules"] if rule.get("record") == "account:hypersender_blind:cause"]
        self.blind_intervals = float(only(r"< ([\d.]+) \*", blind["expr"]))
        self.alertmanager = alertmanager.Configuration()

    def poll_gap(self, draw):
        """The time from the start of a good poll to that of the next."""
        return self.poll_interval * (1 + self.jitter * draw())

    def backoff(self, failures, draw):
        """The time from the start of a failed poll to that of the next, after so many failures before it."""
        longest = max(self.poll_interval, min(10 * self.poll_interval, self.longest_backoff))
        return min(longest, self.poll_interval * min(10, 2 ** min(failures, 4)) * (1 + self.backoff_jitter * draw()))


# The time until a scrape can show the change. `draw` gives numbers from 0 to 1, the larger the longer it takes.

def polled(settings, draw):
    """The next poll ends."""
    return settings.poll_gap(draw) * draw() + ANSWER


def failing(duration=lambda settings: ANSWER, retry=0):
    """The account counts as blind: polls have failed for long enough, or the data is stale.

    The API breaks between two polls, the first of which begins at 0. Failed polls take `duration`; the API asks to wait `retry` after each.
    """
    def until(settings, draw):
        start = settings.poll_gap(draw)
        change = start * (1 - draw())
        stale = ANSWER + settings.stale_after
        failures = 0
        while (end := start + duration(settings)) < stale:
            if end - ANSWER >= settings.blind_intervals * settings.poll_interval:
                return end - change
            start = max(end + retry, start + settings.backoff(failures, draw))
            failures += 1
        return stale - change
    return until


def at_once(settings, draw):
    """A scrape shows it."""
    return 0


def scrape_hangs(settings, draw):
    """The scrape that shows it ends when its time is over."""
    return settings.scrape_timeout


CHAINS = [
    ("InstanceNeedsQRScan", "an instance asks for a QR scan", polled),
    ("InstanceNotLinked", "a new instance waits for its first scan", polled),
    ("InstanceFailed", "an instance fails", polled),
    ("InstanceStopped", "an instance is stopped", polled),
    ("InstanceStuck", "an instance starts, and goes no further", polled),
    ("TooFewWorking", "most instances of an account fail", polled),
    ("Unauthorized", "the API refuses the key", failing()),
    ("RateLimited", "the API answers 429", failing()),
    ("RateLimited", "the API answers 429, to wait 15 minutes", failing(retry=900)),
    ("PollsFailing", "the API refuses connections or answers 5xx", failing()),
    ("PollsFailing", "the API hangs", failing(lambda settings: settings.poll_timeout)),
    ("ExporterDown", "the exporter is gone", at_once),
    ("ExporterDown", "the exporter hangs", scrape_hangs),
]


def firing(settings, chain, draw):
    """The time from the change to the firing of an alert."""
    name, _, until = chain
    evaluations = math.ceil(seconds(settings.rules["Hypersender" + name]["for"]) / settings.evaluation_interval)
    return (
        until(settings, draw) + settings.scrape_interval * draw() + settings.evaluation_interval * draw()
        + evaluations * settings.evaluation_interval)


class Latency:
    """The times of one chain: `runs` in ascending order, `worst`, and `worst_in_open_group` where an alert of its group is open already."""

    def __init__(self, settings, chain):
        self.alert, self.change, _ = chain
        rule = settings.rules["Hypersender" + self.alert]
        route = settings.alertmanager.route({"alertname": rule["alert"]} | rule["labels"])
        wait, interval = seconds(route["group_wait"]), seconds(route["group_interval"])
        numbers = random.Random(1)
        self.runs = sorted(firing(settings, chain, numbers.random) + wait for _ in range(RUNS))
        longest = firing(settings, chain, lambda: 1)
        self.worst = longest + wait
        self.worst_in_open_group = longest + interval

    def quantile(self, part):
        return self.runs[int(part * (RUNS - 1))]


def latencies(settings):
    return [Latency(settings, chain) for chain in CHAINS]


def text(time, up=False):
    """A duration to 5 seconds, as Prometheus writes it."""
    whole = (math.ceil if up else round)(time / 5) * 5
    parts = ((whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def table(settings):
    lines = [
        "| alert | after | median | 95 % | worst | worst, with an alert of its group open |",
        "|---|---|---|---|---|---|",
    ]
    for latency in latencies(settings):
        times = [text(latency.quantile(0.5)), text(latency.quantile(0.95)), text(latency.worst, True), text(latency.worst_in_open_group, True)]
        lines.append(f"| `Hypersender{latency.alert}` | {latency.change} | {' | '.join(times)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(Settings()))
