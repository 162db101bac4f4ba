"""The exporter's pages, byte for byte as the reference encoder in Go writes them.

Needs Go and Debian's golang-github-prometheus-client-golang-dev.
"""

import difflib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from exporter import Exporter
from fake_api import STATUSES, FakeAPI, instance
from faults import HOSTILE_NAMES, TIMESTAMPS

HERE = pathlib.Path(__file__).parent
LIBRARIES = "/usr/share/gocode"
# These move from one scrape to the next.
MOVING = ("process_", "hypersender_exporter_http_requests")


def families(page):
    """The page's families, each with its text, in order; without the end of OpenMetrics."""
    found = []
    for line in page.decode().removesuffix("# EOF\n").split("\n")[:-1]:
        if line.startswith("# HELP "):
            found.append((line.split(" ", 3)[2], []))
        found[-1][1].append(line + "\n")
    return [(name, "".join(lines)) for name, lines in found]


@unittest.skipUnless(shutil.which("go") and os.path.isdir(LIBRARIES + "/src/github.com/prometheus/common"), "needs Go and its libraries")
class ReferenceEncoder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.program = os.path.join(folder, "reencode")
        subprocess.run(
            ["go", "build", "-o", cls.program, HERE / "reencode" / "main.go"], check=True,
            env=os.environ | {"GO111MODULE": "off", "GOPATH": LIBRARIES})
        # Wide enough apart that no poll comes between two scrapes.
        instances = [instance(n, name=name, id=f"{n}-{name[:40]}" if n % 3 else str(n)) for n, name in enumerate(HOSTILE_NAMES)]
        instances += [instance(100 + n, created_at=text) for n, text in enumerate(TIMESTAMPS)]
        instances += [instance(200, status="NEW"), instance(201, service_type='a"b\\c\nd'), *(instance(300 + n) for n in range(len(STATUSES)))]
        api = cls.enterClassContext(FakeAPI(instances))
        cls.exporter = cls.enterClassContext(Exporter(api.base_url, interval="10m", stale_after=1800))
        cls.exporter.wait_for(lambda page: page.value("hypersender_up") == 1, 15, "the first good poll")
        cls.text = cls.exporter.scrape().body
        cls.openmetrics = cls.exporter.scrape(openmetrics=True).body

    def again(self, page, form):
        result = subprocess.run([self.program, "-format", form], input=page, capture_output=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def assert_same(self, ours, theirs):
        if ours != theirs:
            difference = difflib.unified_diff(ours.splitlines(), theirs.splitlines(), "ours", "reference", lineterm="", n=0)
            self.fail("\n".join(list(difference)[:40]))

    def test_text(self):
        self.assert_same(self.text.decode(), self.again(self.text, "text").decode())

    def test_openmetrics(self):
        theirs = dict(families(self.again(self.text, "openmetrics")))
        ours = families(self.openmetrics)
        self.assertEqual([name for name, _ in ours], list(theirs))
        compared = 0
        for name, text in ours:
            if name.startswith(MOVING):
                continue
            without_unit = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("# UNIT "))
            self.assert_same(without_unit, theirs[name])
            compared += 1
        self.assertGreater(compared, 15)
        self.assertTrue(self.openmetrics.endswith(b"\n# EOF\n"))

    def test_both_pages_show_every_instance(self):
        for page in (self.text, self.openmetrics):
            count = page.count(b"\nhypersender_instance_up{")
            self.assertEqual(count, len(HOSTILE_NAMES) + len(TIMESTAMPS) + 2 + len(STATUSES))


if __name__ == "__main__":
    unittest.main()
