"""A Debian machine under a systemd of its own, in namespaces of this one."""

import pathlib
import shutil
import subprocess
import tempfile

from installing import WORK, output

from exporter import wait_until


class Machine:
    """Boots from `root.tar`, with a network of its own that holds nothing but loopback."""

    def __enter__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="machine", dir=WORK))
        self.process = None
        try:
            output("tar", "--extract", "--directory", self.root, "--file", WORK / "root.tar", "--exclude=./dev/*")
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _boot(self):
        self.console = open(WORK / "console.log", "wb")
        # It is no unit of a systemd out here: there may be none.
        self.process = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe", "--directory", self.root, "--boot"],
            stdin=subprocess.DEVNULL, stdout=self.console, stderr=self.console)
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")

        def leader():
            if self.process.poll() is not None:
                raise AssertionError(f"no machine: {self.log}")
            for child in children.read_text().split():
                if pathlib.Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                    return child
            return None

        self.leader = wait_until(leader, 60, "systemd is started", lambda: self.log)
        wait_until(
            lambda: self.ask("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"), 120, "the machine is up", lambda: self.log)

    @property
    def log(self):
        return (WORK / "console.log").read_text(errors="replace")[-5000:]

    def ask(self, *command, **options):
        """Runs a command in the machine."""
        return subprocess.run(
            ["nsenter", "--target", self.leader, "--mount", "--uts", "--ipc", "--net", "--pid", "--", *map(str, command)], capture_output=True, text=True,
            stdin=options.pop("stdin", subprocess.DEVNULL) if "input" not in options else None, check=False, timeout=180,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "SYSTEMD_PAGER": "", "DEBIAN_FRONTEND": "noninteractive"}, **options)

    def run(self, *command, **options):
        """The same, for a command that must succeed; what it prints."""
        result = self.ask(*command, **options)
        if result.returncode:
            raise AssertionError(f"{command} ended with {result.returncode}\n{result.stdout}\n{result.stderr}\n{self.journal()}")
        return result.stdout.strip()

    def journal(self):
        return self.ask("journalctl", "--no-pager", "--lines=25").stdout

    def network(self, *command, **options):
        """Starts a program of this machine in the network of that one."""
        return subprocess.Popen(["nsenter", "--target", self.leader, "--net", "--", *map(str, command)], text=True, **options)

    def get(self, path, port=10058, scheme="http"):
        """The body of a good answer, else nothing; a certificate may be anybody's."""
        process = self.network("curl", "-fsSk", "--noproxy", "*", "--max-time", "10", f"{scheme}://127.0.0.1:{port}{path}", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        body = process.communicate()[0]
        return body if process.returncode == 0 else None

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            if hasattr(self, "leader"):
                self.ask("systemctl", "poweroff", "--force")
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if hasattr(self, "console"):
            self.console.close()
        shutil.rmtree(self.root, ignore_errors=True)
