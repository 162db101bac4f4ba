"""Strict parsers read back what the exporter writes, for generated instances with every kind of odd text."""

import os
import random
import unittest

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from fake_api import FakeAPI, instance
from running import Running

STATUSES = ("WORKING", "STOPPED", "STARTING", "SCAN_QR_CODE", "FAILED", "PENDING", "UNDOCUMENTED")
PIECES = (
    "\\", '"', "\n", "\\n", '\\"', "{", "}", ",", "=", "#", " ", "\t", "\r", "\0", "\x7f", "\x1f", "é", "e\u0301", "😀", "\u202e", "\u2028",
    "\ufeff", "\U0010ffff", "名前", "a", "B", "9", "# HELP ", "# EOF\n", "_total", "NaN", "\\\\", "'", "`", "|", "\x85",
)


def text(generator, longest):
    return "".join(generator.choice(PIECES) for _ in range(generator.randrange(1, longest)))


class Generated(Running):
    def test_what_is_written_is_read_back(self):
        # Another seed each run; a failure tells it, and EXPOSITION_SEED brings it back.
        seed = int(os.environ.get("EXPOSITION_SEED", random.SystemRandom().randrange(1 << 32)))
        generator = random.Random(seed)
        instances = {}
        while len(instances) < 400:
            one = instance(
                len(instances), id=text(generator, 12) + str(len(instances)), name=text(generator, 40), status=generator.choice(STATUSES),
                service_type=text(generator, 6))
            instances[one["id"]] = one
        api = self.enterContext(FakeAPI(list(instances.values())))
        _, exporter = self.started(api=api, interval="30s", timeout="10s", stale_after=90, condition=None)
        exporter.wait_for(lambda page: page.value("hypersender_up") == 1, 15, "the first poll")
        for openmetrics, read in ((False, read_text), (True, read_openmetrics)):
            with self.subTest(seed=seed, openmetrics=openmetrics):
                body = exporter.scrape(openmetrics, compressed=True).body.decode()
                families = {family.name: family for family in read(body)}
                ups = {s.labels["instance_id"]: s for s in families["hypersender_instance_up"].samples}
                self.assertEqual(set(ups), set(instances))
                infos = {s.labels["instance_id"]: s for s in families["hypersender_instance_info"].samples}
                for key, one in instances.items():
                    self.assertEqual(ups[key].labels["instance_name"], one["name"])
                    self.assertEqual(ups[key].value, one["status"] == "WORKING")
                    self.assertEqual(infos[key].labels["service_type"], one["service_type"])


if __name__ == "__main__":
    unittest.main()
