#!/usr/bin/env python3
"""Judges one page of metrics, in text 0.0.4 or in OpenMetrics 1.0.0, by the contract of this exporter.

It rejects what other linters let pass: duplicate series, families that are torn apart, values that are not
spelled as the reference encoder spells them. What passes is then read by prometheus_client's parsers, and
both readings must agree.

    exposition.py [FILE] --format text|openmetrics

reads a file or standard input, prints each fault with its line, and exits 1 if there was any.
"""

import argparse
import math
import re
import sys
from dataclasses import dataclass, field
from decimal import Decimal

METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?[Ii]nf|[Nn]a[Nn]")
UNITS_ENDING = ("_seconds", "_bytes")
TYPES = ("counter", "gauge", "histogram")
PREFIXES = ("hypersender_", "process_")


@dataclass(frozen=True)
class Fault:
    """One defect: the number of its line, from 1, and what is wrong."""

    line: int
    text: str

    def __str__(self):
        return f"line {self.line}: {self.text}"


@dataclass
class Sample:
    line: int
    name: str
    labels: dict
    value: float
    spelled: str


@dataclass
class Family:
    """A group of series: `name` is as metadata spells it, so without `_total` in OpenMetrics."""

    name: str
    line: int
    help: str | None = None
    type: str | None = None
    unit: str | None = None
    samples: list = field(default_factory=list)
    last_metadata: str = ""


class Page:
    """A page that was read: families by the name that their samples begin with, in the order of the page."""

    def __init__(self, families):
        self.families = families
        self.samples = {}
        for family in families:
            for sample in family.samples:
                self.samples.setdefault(sample.name, []).append(sample)

    def value(self, name, **labels):
        """The value of the one series with these labels among its labels, or None where there is none."""
        found = self.all(name, **labels)
        if len(found) > 1:
            raise LookupError(f"{name}{labels} names {len(found)} series")
        return found[0].value if found else None

    def all(self, name, **labels):
        return [s for s in self.samples.get(name, []) if all(s.labels.get(k) == v for k, v in labels.items())]

    def __contains__(self, name):
        return name in self.samples


def go_float(value, openmetrics=False):
    """Spells a value as the reference encoder does."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "0.0" if openmetrics else "0"
    sign, digits, exponent = Decimal(repr(float(value))).as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    exponent += len(text) - 1
    text = text.rstrip("0")
    if exponent < -4 or exponent >= 6:
        body = text[0] + ("." + text[1:] if len(text) > 1 else "") + f"e{'-' if exponent < 0 else '+'}{abs(exponent):02}"
    elif exponent < 0:
        body = "0." + "0" * (-exponent - 1) + text
    elif len(text) <= exponent + 1:
        body = text.ljust(exponent + 1, "0") + (".0" if openmetrics else "")
    else:
        body = text[: exponent + 1] + "." + text[exponent + 1 :]
    return ("-" if sign else "") + body


class Reader:
    """Reads a page line by line and notes every fault instead of stopping at the first."""

    def __init__(self, page, openmetrics, prefixes=PREFIXES, units_required=True):
        self.page = page
        self.openmetrics = openmetrics
        self.prefixes = prefixes
        self.units_required = units_required
        self.faults = []
        self.families = []
        self.current = None
        self.number = 0

    def fault(self, text, line=None):
        self.faults.append(Fault(line or self.number, text))

    def read(self):
        try:
            text = self.page.decode("utf-8")
        except UnicodeDecodeError as error:
            self.number = self.page[: error.start].count(b"\n") + 1
            self.fault(f"not UTF-8: {error.reason}")
            return
        if not text:
            self.fault("the page is empty", 1)
            return
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        else:
            self.fault("the last line does not end in a newline", len(lines))
        if text.startswith("\ufeff"):
            self.fault("the page begins with a byte order mark", 1)
        if self.openmetrics:
            if lines[-1] != "# EOF":
                self.fault("the last line is not `# EOF`", len(lines))
            else:
                lines.pop()
        for self.number, line in enumerate(lines, 1):
            if line == "":
                self.fault("an empty line")
            elif line.startswith("#"):
                self.read_metadata(line)
            else:
                self.read_sample(line)
        self.judge_families()

    # Metadata

    def read_metadata(self, line):
        if line == "# EOF":
            self.fault("`# EOF` is not the last line" if self.openmetrics else "`# EOF` in text 0.0.4")
            return
        match = re.fullmatch(r"# (HELP|TYPE|UNIT) (\S+)(?: (.*))?", line, re.DOTALL)
        if not match:
            self.fault(f"neither HELP, TYPE, UNIT nor a sample: {line[:80]!r}")
            return
        keyword, name, rest = match.groups()
        if not METRIC_NAME.fullmatch(name):
            self.fault(f"not a metric name: {name[:80]!r}")
            return
        family = self.enter(name)
        if family.samples:
            self.fault(f"{keyword} of {name} after its samples")
        if getattr(family, keyword.lower()) is not None:
            self.fault(f"a second {keyword} of {name}")
        if keyword == "HELP":
            if family.last_metadata:
                self.fault(f"HELP of {name} is not the first line of its family")
            family.help = self.read_help(name, rest or "")
        elif keyword == "TYPE":
            if family.last_metadata == "UNIT":
                self.fault(f"TYPE of {name} after its UNIT")
            family.type = rest or ""
            self.judge_type(family)
        else:
            family.unit = rest or ""
            if not self.openmetrics:
                self.fault("UNIT in text 0.0.4")
            if not family.unit or not name.endswith("_" + family.unit):
                self.fault(f"UNIT {family.unit!r} is not how {name} ends")
        family.last_metadata = keyword

    def enter(self, name):
        """The family by this name: the current one, or a new one, for none may be opened twice."""
        if self.current is None or self.current.name != name:
            if any(f.name == name for f in self.families):
                self.fault(f"the family {name} is torn apart: it began in line "
                           f"{next(f.line for f in self.families if f.name == name)}")
            self.current = Family(name, self.number)
            self.families.append(self.current)
        return self.current

    def read_help(self, name, escaped):
        escapes = {"\\": "\\", "n": "\n"} | ({'"': '"'} if self.openmetrics else {})
        if not escaped.strip():
            self.fault(f"HELP of {name} is empty")
        if self.openmetrics and re.search(r'(?<!\\)(?:\\\\)*"', escaped):
            self.fault(f"HELP of {name} has an unescaped quote")
        return self.unescape(escaped, escapes, f"HELP of {name}")

    def unescape(self, escaped, escapes, where):
        def replace(match):
            if match[1] not in escapes:
                self.fault(f"bad escape {match[0]!r} in {where}")
                return match[0]
            return escapes[match[1]]

        return re.sub(r"\\(.?)", replace, escaped, flags=re.DOTALL)

    def judge_type(self, family):
        if family.type not in TYPES:
            self.fault(f"TYPE {family.type!r} of {family.name} is not one of {', '.join(TYPES)}")
        total = family.name.endswith("_total")
        if family.type == "counter":
            if self.openmetrics and total:
                self.fault(f"TYPE of the counter {family.name} keeps _total")
            elif not self.openmetrics and not total:
                self.fault(f"the counter {family.name} does not end in _total")
        elif total:
            self.fault(f"the {family.type} {family.name} ends in _total")
        if not family.name.startswith(tuple(self.prefixes)):
            self.fault(f"{family.name} begins with none of {', '.join(self.prefixes)}")

    # Samples

    def read_sample(self, line):
        match = METRIC_NAME.match(line)
        if not match:
            self.fault(f"not a sample: {line[:80]!r}")
            return
        name, rest = match[0], line[match.end() :]
        labels = {}
        if rest.startswith("{"):
            labels, rest = self.read_labels(name, rest[1:])
            if labels is None:
                return
        if not rest.startswith(" "):
            self.fault(f"no single space between {name} and its value")
            rest = " " + rest.lstrip()
        spelled = rest[1:]
        if not NUMBER.fullmatch(spelled):
            first, _, more = spelled.lstrip().partition(" ")
            if not NUMBER.fullmatch(first):
                self.fault(f"{spelled[:40]!r} is not a value of {name}")
                return
            if re.fullmatch(r"\s*[-+]?[\d.eE+-]+\s*", more):
                self.fault(f"{name} carries a timestamp")
            else:
                self.fault(f"{spelled[:40]!r}: something beside the value of {name}")
            spelled = first
        sample = Sample(self.number, name, labels, float(spelled), spelled)
        family = self.family_of(name)
        family.samples.append(sample)
        self.judge_labels(family, sample)
        self.judge_value(family, sample)

    def family_of(self, name):
        current = self.current
        if current is not None and name in self.sample_names(current):
            return current
        owner = next((f for f in self.families if name in self.sample_names(f)), None)
        if owner is not None:
            self.fault(f"{name} stands apart from its family, which began in line {owner.line}")
            return owner
        self.fault(f"{name} has no HELP and TYPE before it")
        family = Family(name, self.number, help="", type="")
        self.families.append(family)
        self.current = family
        return family

    def sample_names(self, family):
        if family.type == "histogram":
            return [family.name + suffix for suffix in ("_bucket", "_sum", "_count")]
        if family.type == "counter" and self.openmetrics:
            return [family.name + "_total"]
        return [family.name]

    def read_labels(self, name, rest):
        """Labels up to the closing brace, and what follows it."""
        labels = {}
        if rest.startswith("}"):
            self.fault(f"empty braces after {name}")
            return labels, rest[1:]
        while True:
            match = LABEL_NAME.match(rest)
            if not match or not rest[match.end() :].startswith('="'):
                self.fault(f"not a label of {name}: {rest[:40]!r}")
                return None, rest
            label = match[0]
            value = re.compile(r'((?:[^"\\]|\\.)*)"', re.DOTALL).match(rest, match.end() + 2)
            if not value:
                self.fault(f"the value of the label {label} of {name} has no end")
                return None, rest
            if label in labels:
                self.fault(f"the label {label} twice on {name}")
            escapes = {"\\": "\\", "n": "\n", '"': '"'}
            labels[label] = self.unescape(value[1], escapes, f"the label {label} of {name}")
            rest = rest[value.end() :]
            if rest.startswith("}"):
                return labels, rest[1:]
            if not rest.startswith(","):
                self.fault(f"neither comma nor brace after the label {label} of {name}")
                return None, rest
            rest = rest[1:]

    def judge_labels(self, family, sample):
        for label in sample.labels:
            if label in ("instance", "job"):
                self.fault(f"the label {label} of {sample.name} belongs to Prometheus")
            elif label.startswith("__"):
                self.fault(f"the label {label} of {sample.name} is reserved")
            elif label == "quantile" or label == "le" and not (
                family.type == "histogram" and sample.name.endswith("_bucket")
            ):
                self.fault(f"the label {label} on {sample.name}, which is no bucket")

    def judge_value(self, family, sample):
        whole = self.openmetrics and family.type == "histogram" and not sample.name.endswith("_sum")
        if whole:
            if not re.fullmatch(r"0|[1-9]\d*", sample.spelled):
                self.fault(f"{sample.spelled!r} is not a whole number of {sample.name}")
        else:
            expected = go_float(sample.value, self.openmetrics)
            if sample.spelled != expected:
                self.fault(f"{sample.name} is spelled {sample.spelled!r}, not {expected!r}")
        if family.type in ("counter", "histogram") and not sample.value >= 0:
            self.fault(f"{sample.name} of a {family.type} is {sample.spelled}")
        if family.type == "counter" and math.isinf(sample.value):
            self.fault(f"{sample.name} of a counter is {sample.spelled}")

    # Families as a whole

    def judge_families(self):
        names = {}
        for family in self.families:
            if family.help is None:
                self.fault(f"{family.name} has no HELP", family.line)
            if family.type is None:
                self.fault(f"{family.name} has no TYPE", family.line)
            if not family.samples:
                self.fault(f"{family.name} has no sample", family.line)
            if self.openmetrics and self.units_required and family.unit is None and family.name.endswith(UNITS_ENDING):
                self.fault(f"{family.name} has no UNIT", family.line)
            for name in {family.name, *self.sample_names(family)}:
                other = names.setdefault(name, family)
                if other.name != family.name:
                    self.fault(f"{name} is of {family.name} and of {other.name}", family.line)
            if family.type == "histogram":
                self.judge_histogram(family)
        self.judge_duplicates()

    def judge_duplicates(self):
        seen = {}
        for family in self.families:
            for sample in family.samples:
                # An empty label is the same as none.
                key = (sample.name, frozenset(pair for pair in sample.labels.items() if pair[1]))
                if key in seen:
                    self.fault(f"the series of line {seen[key]} again: {sample.name}", sample.line)
                seen.setdefault(key, sample.line)

    def judge_histogram(self, family):
        groups = {}
        for sample in family.samples:
            labels = frozenset(pair for pair in sample.labels.items() if pair[0] != "le")
            groups.setdefault(labels, []).append(sample)
        for group in groups.values():
            line = group[0].line
            if [s.line for s in group] != list(range(line, line + len(group))):
                self.fault(f"a histogram of {family.name} is torn apart", line)
            buckets = [s for s in group if s.name.endswith("_bucket")]
            if [s.name for s in group[len(buckets) :]] != [family.name + "_sum", family.name + "_count"]:
                self.fault(f"a histogram of {family.name} is not buckets, _sum, _count", line)
            bounds = []
            for bucket in buckets:
                spelled = bucket.labels.get("le")
                if spelled is None or not NUMBER.fullmatch(spelled):
                    self.fault(f"a bucket of {family.name} with le={spelled!r}", bucket.line)
                    continue
                bounds.append(float(spelled))
                if spelled != go_float(bounds[-1], self.openmetrics):
                    self.fault(f"le is spelled {spelled!r}, not {go_float(bounds[-1], self.openmetrics)!r}", bucket.line)
            if not bounds or bounds[-1] != math.inf:
                self.fault(f"a histogram of {family.name} does not end with the bucket +Inf", line)
            if any(not a < b for a, b in zip(bounds, bounds[1:])):
                self.fault(f"the buckets of {family.name} do not ascend", line)
            counts = [b.value for b in buckets]
            if any(a > b for a, b in zip(counts, counts[1:])):
                self.fault(f"the buckets of {family.name} are not cumulative", line)
            for count in group:
                if count.name.endswith("_count") and counts and count.value != counts[-1]:
                    self.fault(f"_count of {family.name} is not its bucket +Inf", count.line)


def read(page, openmetrics=False, **options):
    """The page and its faults."""
    reader = Reader(page, openmetrics, **options)
    reader.read()
    if not reader.faults:
        reader.faults += second_opinion(page, openmetrics, reader.families)
    return Page(reader.families), reader.faults


def check(page, openmetrics=False, **options):
    """The faults of a page, none if it is good."""
    return read(page, openmetrics, **options)[1]


def second_opinion(page, openmetrics, families):
    """Compares a page with prometheus_client's reading of it, which must have the same samples."""
    if openmetrics:
        from prometheus_client.openmetrics import parser
    else:
        from prometheus_client import parser
    ours = [(s.name, s.labels, s.value) for family in families for s in family.samples]
    try:
        theirs = [
            (s.name, s.labels, float(s.value))
            for metric in parser.text_string_to_metric_families(page.decode("utf-8"))
            for s in metric.samples
        ]
    except Exception as error:
        return [Fault(1, f"prometheus_client rejects the page: {type(error).__name__}: {error}")]
    faults = []
    for mine, other, sample in zip(ours, theirs, (s for f in families for s in f.samples)):
        same_value = mine[2] == other[2] or math.isnan(mine[2]) and math.isnan(other[2])
        if mine[:2] != other[:2] or not same_value:
            faults.append(Fault(sample.line, f"prometheus_client reads {other!r}"[:300]))
            break
    if len(ours) != len(theirs):
        faults.append(Fault(1, f"prometheus_client reads {len(theirs)} samples, not {len(ours)}"))
    return faults


def main():
    parser = argparse.ArgumentParser(description="Judges one page of metrics; exits 1 if it has a fault.")
    parser.add_argument("file", nargs="?", help="the page; standard input if absent")
    parser.add_argument("--format", choices=("text", "openmetrics"), default="text")
    parser.add_argument("--prefix", action="append", help="a prefix that names may have, instead of " + ", ".join(PREFIXES))
    arguments = parser.parse_args()
    if arguments.file:
        with open(arguments.file, "rb") as file:
            page = file.read()
    else:
        page = sys.stdin.buffer.read()
    faults = check(page, arguments.format == "openmetrics", prefixes=tuple(arguments.prefix or PREFIXES))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
