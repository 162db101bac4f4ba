"""The units as systemd's own tools judge them. That they work is tried with the Debian package, which installs the same."""

import pathlib
import re
import subprocess
import tempfile
import unittest

from installing import BINARY, TOP, output

UNITS = TOP / "deploy/systemd"
SERVICE = UNITS / "hypersender-exporter.service"


class Units(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def verify(self, add=""):
        """The complaints of systemd about the units; it exits with 0 over most of it."""
        for unit in (SERVICE, UNITS / "hypersender-exporter.socket"):
            text = unit.read_text().replace("/usr/local/bin/hypersender-exporter", str(BINARY))
            (self.folder / unit.name).write_text(text + add)
        result = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *map(str, self.folder.iterdir())], capture_output=True, text=True, check=False)
        return result.stdout + result.stderr

    def test_systemd_understands_all_of_it(self):
        self.assertEqual(self.verify(), "")
        self.assertIn("Unknown", self.verify("[Unit]\nNonsense=yes\n"), "the tool tells nothing")

    def test_exposure(self):
        said = output("systemd-analyze", "security", "--no-pager", "--offline=true", SERVICE)
        exposure = re.search(r"Overall exposure level for hypersender-exporter.service: ([\d.]+)", said)
        self.assertLess(float(exposure[1]), 2.0, said)

    def test_the_environment_file_names_known_variables(self):
        """Each line that is commented out is a setting that the program takes."""
        names = re.findall(r"^#(HYPERSENDER_\w+)=", (UNITS / "hypersender-exporter.env").read_text(), re.MULTILINE)
        self.assertGreater(len(names), 5)
        flags = re.findall(r"--([a-z.-]+)", output(BINARY, "--help"))
        known = {"HYPERSENDER_" + re.sub("[.-]", "_", flag.removeprefix("hypersender.")).upper() for flag in flags}
        self.assertEqual(set(names) - known, set())


if __name__ == "__main__":
    unittest.main()
