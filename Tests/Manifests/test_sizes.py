"""Memory and CPU time: the table of deploy/README.md, and what is said and set elsewhere."""

import re
import unittest

import yaml

from manifests import DEPLOY, ROOT

MIB = {"M": 1, "m": 1, "Mi": 1, "MiB": 1, "G": 1024, "Gi": 1024}


def mib(text):
    number, unit = re.fullmatch(r"([\d.]+) ?(\w+)", text).groups()
    return float(number) * MIB[unit]


class SizesTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        section = (DEPLOY / "README.md").read_text().split("\n## Sizing\n", 1)[1].split("\n## ", 1)[0]
        cls.rows = {int(row[0].replace(",", "")): row[1:] for row in re.findall(r"(?m)^\| ([\d,]+) \| (.+?) \| (.+?) \| (.+?) \| (.+?) \|", section)}

    def test_the_front_page_says_what_the_table_does(self):
        (row,) = re.findall(r"(?m)^\| Small \| (.*) \|$", (ROOT / "README.md").read_text())
        (private, resident, _, time), (more_private, more_resident, _, more_time) = self.rows[10], self.rows[10_000]
        self.assertEqual(row, f"10 numbers: {private} of memory ({resident} resident), {time} of CPU time a poll; "
                              f"10,000: {more_private} ({more_resident}), {more_time}.")

    def test_limits_leave_twice_the_peak_of_what_they_are_meant_for(self):
        chart = yaml.safe_load((DEPLOY / "helm/hypersender-exporter/values.yaml").read_text())
        (container,) = yaml.safe_load((DEPLOY / "kubernetes/base/deployment.yaml").read_text())["spec"]["template"]["spec"]["containers"]
        compose = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
        unit = re.search(r"(?m)^MemoryMax=(\w+)$", (DEPLOY / "systemd/hypersender-exporter.service").read_text())[1]
        limits = ((unit, 100_000), (chart["resources"]["limits"]["memory"], 10_000), (container["resources"]["limits"]["memory"], 10_000),
                  (compose["services"]["exporter"]["mem_limit"], 10_000))
        for limit, instances in limits:
            self.assertGreater(mib(limit), 2 * mib(self.rows[instances][2]), f"{limit} for {instances} instances")


if __name__ == "__main__":
    unittest.main()
