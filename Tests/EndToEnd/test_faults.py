"""Every way in which the API can fail: the exporter stays quick, truthful, small and silent about secrets.

One exporter and one fake API a case.
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from contract import REASONS
from exporter import MEMORY_LIMIT, Exporter, wait_until
from fake_api import FakeAPI, honest, instance
from faults import CASES

INSTANCES = [instance(n) for n in range(7)]


def failures(page):
    return {reason: page.value("hypersender_poll_failures_total", reason=reason) for reason in REASONS}


def shows(page, instances):
    shown = {(s.labels["instance_id"], s.labels["instance_name"]) for s in page.all("hypersender_instance_up")}
    return page.value("hypersender_up") == 1 and shown == {(i["id"], i["name"]) for i in instances}


class Faults(unittest.TestCase):
    def judge(self, case):
        with FakeAPI(INSTANCES) as api, FakeAPI() as trap:
            api.trap = trap
            stale_after = 5.0 if case.stale else 60.0
            # Not to be reached where it is not the matter, however slow the machine is.
            timeout = "2s" if case.stale or "timeout" in case.reasons else "30s"
            with Exporter(api.base_url, *case.arguments, stale_after=stale_after, timeout=timeout) as exporter:
                healthy = exporter.wait_for(lambda page: shows(page, INSTANCES), 10, "the first good poll")
                self.assertEqual(sum(failures(healthy).values()), 0)
                self.begin(case, api)
                if case.reasons:
                    self.judge_failure(case, api, exporter)
                else:
                    self.judge_success(case, api, exporter)
                self.end(case, api, exporter)
                self.judge_recovery(case, api, exporter)
                self.assertEqual(trap.connections, 0, "another origin was spoken to")
                self.judge_process(exporter)

    def begin(self, case, api):
        self.polls_before = api.polls
        api.instances = case.extra.get("instances", INSTANCES)
        if case.refused:
            api.refuse()
        else:
            api.answer = case.answer

    def end(self, case, api, exporter):
        api.instances = INSTANCES
        api.answer = honest
        if case.refused:
            api.listen()
        self.polls_at_end = exporter.scrape().value("hypersender_polls_total")

    def judge_failure(self, case, api, exporter):
        expected = case.reasons - {"none"}

        def polled(page):
            counts = failures(page)
            self.assertEqual({r for r, count in counts.items() if count} - expected, set(), exporter.log)
            either = "none" in case.reasons and api.polls >= self.polls_before + 2
            return either or sum(counts.values()) > 0

        exporter.wait_for(polled, 20, f"a failure for {' or '.join(expected)}")
        page = exporter.scrape_in_every_way()
        if case.judge:
            case.judge(self, page, api)
        else:
            self.assertEqual(page.value("hypersender_up"), 0)
            shown = {s.labels["instance_id"] for s in page.all("hypersender_instance_up")}
            # On a busy machine they may be stale by now; whether they are is judged at every scrape.
            if not case.stale or "hypersender_instances" in page:
                self.assertEqual({i["id"] for i in INSTANCES}, shown)
        if case.not_before:
            self.judge_pause(case, api)
        if case.stale:
            # That it is neither withdrawn too early nor too late is judged at every scrape.
            gone = exporter.wait_for(lambda page: "hypersender_instances" not in page, 10, "stale data is withdrawn")
            self.assertEqual(gone.value("hypersender_up"), 0)
            self.assertEqual({r for r, count in failures(gone).items() if count} - expected, set())
            exporter.scrape_in_every_way()
        self.assertIsNotNone(exporter.process.pid)

    def judge_pause(self, case, api):
        first = self.polls_before
        wait_until(lambda: api.polls >= first + 2, 25, "the poll after the fault's first")
        pause = api.requests[first + 1].time - api.requests[first].time
        self.assertGreaterEqual(pause, case.not_before)

    def judge_success(self, case, api, exporter):
        # One request may have been under way when the answer changed, so the second shows it for sure.
        wanted = self.polls_before + 1 + case.extra.get("polls", 1)
        wait_until(lambda: api.polls >= wanted, 20, "polls of this answer", lambda: exporter.log)
        done = exporter.scrape().value("hypersender_polls_total")
        exporter.wait_for(lambda page: page.value("hypersender_polls_total") >= max(done, wanted - 1), 5, "the poll is over")
        page = exporter.scrape_in_every_way()
        self.assertEqual(page.value("hypersender_up"), 1, exporter.log)
        self.assertEqual(sum(failures(page).values()), 0, exporter.log)
        case.judge(self, page, api)

    def judge_recovery(self, case, api, exporter):
        polls = self.polls_at_end

        def right(page):
            nonlocal polls
            if shows(page, INSTANCES):
                return True
            polls = page.value("hypersender_polls_total")
            return False

        # The wait after a failure is at most ten intervals, and a poll at most its timeout.
        page = exporter.wait_for(right, 20, "right again after the fault's end")
        # Of polls that did not mend it, one may have been under way at the end.
        self.assertLessEqual(polls - self.polls_at_end, 1, "right again within two polls")
        self.assertEqual(page.value("hypersender_instances", status="UNKNOWN"), 0)
        self.assertEqual(page.value("hypersender_duplicate_instances"), 0)
        self.assertEqual(page.value("hypersender_invalid_instances"), 0)
        exporter.scrape_in_every_way()

    def judge_process(self, exporter):
        exporter.request("/")
        self.assertLess(exporter.memory(), MEMORY_LIMIT)
        code, seconds = exporter.stop()
        self.assertEqual(code, 0, exporter.log)
        self.assertLess(seconds, 2)
        self.assertEqual(exporter.secrets_shown(), [])
        self.assertLess(len(exporter.log), 20_000, "the log is flooded")


def _add(case):
    def test(self):
        self.judge(case)

    setattr(Faults, "test_" + case.name, test)


for _case in CASES:
    _add(_case)

if __name__ == "__main__":
    unittest.main()
