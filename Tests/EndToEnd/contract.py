"""The contract of a page: which families there are, and that they agree with each other."""

import pathlib
import re

from fake_api import STATUSES

METRICS = pathlib.Path(__file__).resolve().parents[2] / "deploy/METRICS.md"
ALL_STATUSES = (*STATUSES, "UNKNOWN")


def rows(table):
    """The cells of each row of a table in deploy/METRICS.md, which Swift tests hold to the program."""
    (text,) = re.findall(rf"<!-- {table} -->\n(.*?)<!-- /{table} -->", METRICS.read_text(), re.DOTALL)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines()[2:]]


REASONS = tuple(row[0].strip("`") for row in rows("reasons"))
# Family: type and labels that each series has, beside `account` where accounts come from a file.
FAMILIES = {name.strip("`"): (kind, tuple(re.findall(r"(?<!\()`(\w+)`", labels))) for name, kind, labels, _ in rows("metrics")}
EXPORTER_FAMILIES = {name: family for name, family in FAMILIES.items() if name.startswith(("hypersender_exporter_", "process_"))}
# Withdrawn with the data.
INSTANCE_FAMILIES = {name: family for name, family in FAMILIES.items() if name.startswith("hypersender_instance")}
POLL_FAMILIES = {name: family for name, family in FAMILIES.items() if name not in EXPORTER_FAMILIES | INSTANCE_FAMILIES}
# There from the first scrape on, whatever the API does.
ALWAYS = (
    "hypersender_up", "hypersender_polls_total", "hypersender_poll_failures_total", "hypersender_poll_duration_seconds",
    "hypersender_poll_interval_seconds", "hypersender_unknown_statuses_total",
)
# Left out of an instance whose field the API does not give, or gives in a form that cannot be read.
MAYBE_UNREADABLE = ("hypersender_instance_created_timestamp_seconds", "hypersender_instance_access_token_present")


def break_ups(page, stale_after, before, after, phone="off", status_set="all", exporter_metrics=True, accounts=False, age=0, own_labels=None):
    """Every way in which the page breaks the contract.

    `before` and `after` are wall-clock times around the scrape, `stale_after` is in seconds, and so is `age`, the greatest that the
    API's answers may have. `own_labels` are the user's, by account.
    """
    found = []
    by_name = {}
    for family in page.families:
        name = family.name
        if family.type == "counter" and not name.endswith("_total"):
            name += "_total"
        by_name[name] = family
        if name not in FAMILIES:
            found.append(f"{name} is not in the contract")
            continue
        kind, labels = FAMILIES[name]
        if family.type != kind:
            found.append(f"{name} is a {family.type}, not a {kind}")
        wanted = set(labels)
        if accounts and name not in EXPORTER_FAMILIES:
            wanted.add("account")
        own = {} if name in EXPORTER_FAMILIES else own_labels or {}
        if phone != "off" and name == "hypersender_instance_info":
            wanted.add("phone")
        for sample in family.samples:
            given = own.get(sample.labels.get("account"), {})
            if set(sample.labels) - {"le"} != wanted | set(given) or not given.items() <= sample.labels.items():
                found.append(f"{name} has the labels {sample.labels}, not {sorted(wanted)} and {given}")
                break
    missing = [name for name in ALWAYS if name not in by_name]
    if exporter_metrics:
        missing += [name for name in EXPORTER_FAMILIES if name not in by_name and name != "hypersender_exporter_http_requests_total"]
    else:
        found += [f"{name} in spite of --web.disable-exporter-metrics" for name in EXPORTER_FAMILIES if name in by_name]
    found += [f"{name} is missing" for name in missing]
    if not missing:
        for account in sorted({s.labels.get("account") for s in page.all("hypersender_up")}, key=str):
            labels = {} if account is None else {"account": account}
            found += incoherences_of_polls(page, labels, age)
            found += incoherences_of_instances(page, labels, stale_after, before, after, status_set)
    return found


def incoherences_of_polls(page, labels, age):
    value = lambda name, **more: page.value(name, **labels, **more)
    reasons = sorted(s.labels["reason"] for s in page.all("hypersender_poll_failures_total", **labels))
    if reasons != sorted(REASONS):
        yield f"the reasons are {reasons}"
    polls = value("hypersender_polls_total")
    failures = sum(s.value for s in page.all("hypersender_poll_failures_total", **labels))
    up = value("hypersender_up")
    last, good = value("hypersender_last_poll_timestamp_seconds"), value("hypersender_last_successful_poll_timestamp_seconds")
    if up not in (0, 1):
        yield f"hypersender_up is {up}"
    if failures > polls:
        yield f"{failures} failures among {polls} polls"
    if failures == polls and (up == 1 or good):
        yield f"hypersender_up is {up}, last success {good}, but no poll has succeeded"
    if failures < polls and not good:
        yield "a poll has succeeded, but its time is missing"
    if up == 1 and not last - age <= good <= last or up == 1 and not age and last != good:
        yield f"hypersender_up is 1, but the last poll at {last} was not the last good one at {good}"
    if last and good and good > last:
        yield "the last good poll is later than the last poll"
    if value("hypersender_poll_duration_seconds_count") != polls:
        yield "the histogram has not counted every poll"


def incoherences_of_instances(page, labels, stale_after, before, after, status_set):
    samples = lambda name, **more: page.all(name, **labels, **more)
    good = page.value("hypersender_last_successful_poll_timestamp_seconds", **labels)
    counts = {s.labels["status"]: s.value for s in samples("hypersender_instances")}
    if not counts:
        for name in INSTANCE_FAMILIES:
            if samples(name):
                yield f"{name} without hypersender_instances"
        if good and after - good < stale_after - 0.5:
            yield f"the data was withdrawn {after - good:.1f} s after the last success"
        return
    if not good:
        yield "instances before the first success"
    elif before - good > stale_after + 0.5:
        yield f"the data is still there {before - good:.1f} s after the last success"
    if sorted(counts) != sorted(ALL_STATUSES):
        yield f"hypersender_instances has the statuses {sorted(counts)}"
    ids = {s.labels["instance_id"]: s for s in samples("hypersender_instance_up")}
    if len(ids) != len(samples("hypersender_instance_up")):
        yield "an id twice"
    if sum(counts.values()) != len(ids):
        yield f"the counts sum up to {sum(counts.values())}, but there are {len(ids)} instances"
    current = {}
    one_hot = {}
    for sample in samples("hypersender_instance_status"):
        one_hot.setdefault(sample.labels["instance_id"], {})[sample.labels["status"]] = sample.value
    for identity, values in one_hot.items():
        wanted = ALL_STATUSES if status_set == "all" else [s for s, v in values.items() if v == 1]
        if sorted(values) != sorted(wanted) or sorted(values.values()) != [0] * (len(wanted) - 1) + [1]:
            yield f"the statuses of {identity[:40]!r} are {values}"
        else:
            current[identity] = next(s for s, v in values.items() if v == 1)
    for status, count in counts.items():
        if sum(s == status for s in current.values()) != count:
            yield f"{count} instances are {status} by hypersender_instances, others by hypersender_instance_status"
    for identity, sample in ids.items():
        if sample.value != float(current.get(identity) == "WORKING"):
            yield f"hypersender_instance_up of {identity[:40]!r} is {sample.value}, its status {current.get(identity)}"
    for name, (_, of_series) in INSTANCE_FAMILIES.items():
        if "instance_id" not in of_series or "status" in of_series:
            continue
        of_each = [s.labels["instance_id"] for s in samples(name)]
        whole = name not in MAYBE_UNREADABLE
        if len(of_each) != len(set(of_each)) or not set(of_each) <= set(ids) or whole and set(of_each) != set(ids):
            yield f"{name} has {len(of_each)} series for {len(ids)} instances"
    for sample in samples("hypersender_instance_info"):
        if sample.value != 1:
            yield f"an info series is {sample.value}"
    for sample in samples("hypersender_instance_status_change_timestamp_seconds"):
        if not 0 < sample.value <= after + 1:
            yield f"a status changed at {sample.value}"
