"""The files that `deploy/release` makes of the release binary, and the versions that commits have."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest

from installing import BINARY, TOP, WORK, output

RELEASE = WORK / "release"
VERSION = re.search(r"version (\S+) ", output(BINARY, "--version"))[1]
NAME = f"hypersender-exporter-{VERSION}"
PLATFORM = "linux-" + output("dpkg", "--print-architecture").strip()


def contents(path):
    """The files of an archive, as name and bytes."""
    with tarfile.open(path) as archive:
        for member in archive:
            if not member.isdir():
                assert member.isfile() and (member.uid, member.gid, member.uname) == (0, 0, ""), member
        return {member.name: archive.extractfile(member).read() for member in archive if member.isfile()}


class Release(unittest.TestCase):
    def test_all_of_it_is_there(self):
        names = {path.name for path in RELEASE.iterdir()}
        self.assertEqual(names, {
            f"{NAME}-{PLATFORM}.tar.gz", f"{NAME}-{PLATFORM}.cdx.json", f"{NAME}-{PLATFORM}.oci.tar", f"{NAME}.tgz",
            f"hypersender-exporter_{VERSION.replace('-', '~', 1)}_{PLATFORM.removeprefix('linux-')}.deb",
            f"hypersender-exporter-monitoring-{VERSION}.tar.gz", "SHA256SUMS"})
        sums = dict(reversed(line.split("  ")) for line in (RELEASE / "SHA256SUMS").read_text().splitlines())
        self.assertEqual(set(sums), names - {"SHA256SUMS"})
        self.assertEqual(sums, {name: hashlib.sha256((RELEASE / name).read_bytes()).hexdigest() for name in sums})

    def test_a_second_one_has_the_same_bytes(self):
        self.assertEqual((WORK / "release-again/SHA256SUMS").read_text(), (RELEASE / "SHA256SUMS").read_text())

    def test_it_tells_nothing_of_where_it_was_made(self):
        for path in RELEASE.iterdir():
            data = b"".join(contents(path).values()) if path.name.endswith("gz") else path.read_bytes()
            self.assertNotIn(os.fsencode(WORK), data, path.name)

    def test_the_binary(self):
        files = contents(RELEASE / f"{NAME}-{PLATFORM}.tar.gz")
        self.assertEqual(files[f"{NAME}/hypersender-exporter"], BINARY.read_bytes())
        self.assertLessEqual({f"{NAME}/{name}" for name in ("LICENSE", "copyright", "hypersender-exporter.service")}, set(files))
        notices = files[f"{NAME}/NOTICES"].decode()
        for part in ("swift-nio ", "BoringSSL", "libc6-dev ", "libcrypt-dev ", "LESSER GENERAL PUBLIC LICENSE", "Apache License"):
            self.assertTrue(part in notices, part)

    def test_the_chart(self):
        files = contents(RELEASE / f"{NAME}.tgz")
        prefix = "hypersender-exporter/"
        self.assertIn(f"\nversion: {VERSION}\nappVersion: {VERSION}\n", files.pop(prefix + "Chart.yaml").decode())
        self.assertEqual(files.pop(prefix + "LICENSE"), (TOP / "deploy/LICENSE").read_bytes())
        chart = TOP / "deploy/helm/hypersender-exporter"
        sources = {os.path.join(folder, name) for folder, _, names in os.walk(chart, followlinks=True) for name in names}
        expected = {os.path.relpath(path, chart): pathlib.Path(path).read_bytes() for path in sources if not path.startswith(f"{chart}/ci/")}
        del expected["Chart.yaml"]
        self.assertEqual({name.removeprefix(prefix): data for name, data in files.items()}, expected)

    def test_rules_and_dashboards(self):
        files = contents(RELEASE / f"hypersender-exporter-monitoring-{VERSION}.tar.gz")
        for pattern in ("deploy/prometheus/*.yml", "deploy/alertmanager/*", "grafana/dashboards/*.json"):
            for source in TOP.glob(pattern):
                self.assertEqual(files[f"hypersender-exporter-monitoring-{VERSION}/{source.relative_to(TOP)}"], source.read_bytes(), source)

    def test_what_is_linked_in(self):
        bill = json.loads((RELEASE / f"{NAME}-{PLATFORM}.cdx.json").read_text())
        self.assertEqual(bill["metadata"]["component"]["version"], VERSION)
        self.assertEqual(bill["metadata"]["component"]["hashes"][0]["content"], hashlib.sha256(BINARY.read_bytes()).hexdigest())
        names = {each["name"] for each in bill["components"]}
        self.assertLessEqual({"swift-nio", "swift-nio-ssl", "async-http-client", "swift", "libc6-dev", "libcrypt-dev", "libsodium-dev", "libyaml-dev", "zlib1g-dev"}, names)
        # The simulator and the tests alone need these, or nobody.
        self.assertEqual(names & {"swift-nio-transport-services", "swift-certificates", "swift-asn1"}, set())

    def test_the_image(self):
        reference = "localhost/hypersender-exporter:release"
        pulled = output("podman", "pull", "--quiet", f"oci-archive:{RELEASE}/{NAME}-{PLATFORM}.oci.tar").strip()
        self.addCleanup(output, "podman", "rmi", "--force", pulled)
        output("podman", "tag", pulled, reference)
        image, built = (json.loads(output("podman", "inspect", "--type=image", name))[0]["Config"]
                        for name in (reference, "localhost/hypersender-exporter:test"))
        built["Labels"].pop("io.buildah.version")
        self.assertEqual({name: image.get(name) for name in ("Entrypoint", "Env", "ExposedPorts", "Labels", "User")},
                         {name: built.get(name) for name in ("Entrypoint", "Env", "ExposedPorts", "Labels", "User")})
        self.assertEqual(image["Labels"]["org.opencontainers.image.licenses"], "Apache-2.0")
        said = output("podman", "run", "--rm", "--read-only", "--cap-drop=all", "--network=host", reference, "--version")
        self.assertIn(f"version {VERSION} (", said)

    def test_the_image_is_loaded_under_its_name(self):
        said = output("podman", "load", "--quiet", "--input", RELEASE / f"{NAME}-{PLATFORM}.oci.tar")
        reference = f"localhost/hypersender-exporter:{VERSION}"
        self.addCleanup(output, "podman", "rmi", "--force", reference)
        self.assertIn(reference, said)

    def test_docker_finds_the_image_and_its_health_check(self):
        """It looks for the check in OCI's images, too; podman does not."""
        files = contents(RELEASE / f"{NAME}-{PLATFORM}.oci.tar")
        entry = json.loads(files["manifest.json"])[0]
        self.assertEqual(entry["RepoTags"], [f"localhost/hypersender-exporter:{VERSION}"])
        self.assertLessEqual({entry["Config"], *entry["Layers"]}, set(files))
        manifest = json.loads(files["blobs/sha256/" + json.loads(files["index.json"])["manifests"][0]["digest"].removeprefix("sha256:")])
        settings = json.loads(files["blobs/sha256/" + manifest["config"]["digest"].removeprefix("sha256:")])
        self.assertEqual(settings["config"]["Healthcheck"]["Test"], ["CMD", "/hypersender-exporter", "--healthcheck"])

    def test_another_version_than_the_binarys_is_refused(self):
        release = re.match(r"\d+\.\d+\.\d+", VERSION)[0]
        for version in (release, release + "-git20260101.1.g0000000"):
            if version != VERSION:
                result = subprocess.run([TOP / "deploy/release", version, WORK / "release-other"], capture_output=True, text=True, check=False,
                                        env={**os.environ, "EXPORTER": str(BINARY)})
                self.assertEqual(result.returncode, 1)
                self.assertRegex(result.stderr, "is made of a clean tree on the tag|is not of version")
                self.assertFalse((WORK / "release-other").exists())


class Versions(unittest.TestCase):
    """In a repository that has nothing but the script, and the file that names the next release."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "deploy/package").mkdir(parents=True)
        shutil.copy(TOP / "deploy/package/version", self.folder / "deploy/package")
        self.git("init", "--quiet", "--initial-branch=main")
        self.name("0.2.0")

    def git(self, *arguments, date="2026-11-27T12:00:00Z"):
        identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
                    for what, value in (("NAME", "a"), ("EMAIL", "a@example.com"), ("DATE", date))}
        return output("git", "-C", self.folder, *arguments, env={**os.environ, **identity}).strip()

    def name(self, release):
        (self.folder / "Package.swift").write_text(f'let release = "{release}"\n')

    def commit(self, **options):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message=a", **options)
        return self.version()

    def version(self):
        return output(self.folder / "deploy/package/version").strip()

    def test_each_commit_is_above_those_before(self):
        versions = ["0.1.0", self.version(), self.commit(), self.commit(), self.commit(date="2026-11-28T00:00:00+09:00"),
                    self.commit(date="2026-11-28T00:00:00Z")]
        self.assertEqual(versions[1], "0.2.0-dev")
        self.assertRegex(versions[2], r"^0\.2\.0-git20261127\.1\.g[0-9a-f]{7}$")
        self.assertRegex(versions[4], r"^0\.2\.0-git20261127\.3\.g[0-9a-f]{7}$", "days are UTC's")
        self.git("tag", "v0.2.0")
        versions.append(self.version())
        self.assertEqual(versions[-1], "0.2.0")
        versions.append(self.commit(date="2026-11-29T00:00:00Z"))
        self.assertRegex(versions[-1], r"^0\.2\.1-git20261129\.5\.", "0.2.0 is out")
        self.name("0.3.0")
        versions.append(self.commit(date="2026-11-29T00:00:00Z"))
        self.git("tag", "--annotate", "--message=a", "v0.3.0")
        versions.append(self.version())
        self.assertEqual(versions[-1], "0.3.0")
        packaged = [each.replace("-", "~", 1) for each in versions]
        for before, after in zip(packaged, packaged[1:]):
            output("dpkg", "--compare-versions", before, "lt", after)

    def test_changes_that_are_not_committed_are_told(self):
        version = self.commit()
        self.git("tag", "v0.2.0")
        (self.folder / "Package.swift").write_text('let release = "0.2.0"\n\n')
        self.assertRegex(self.version(), r"^0\.2\.1-git20261127\.1\.g[0-9a-f]{7}\.dirty$")
        self.assertNotEqual(self.version(), version)

    def test_without_history_it_is_lower_than_all_commits(self):
        version = self.commit()
        shutil.rmtree(self.folder / ".git")
        self.assertEqual(self.version(), "0.2.0-dev")
        output("dpkg", "--compare-versions", "0.2.0~dev", "lt", version.replace("-", "~", 1))


if __name__ == "__main__":
    unittest.main()
