"""Places to listen: several addresses, both families, unix sockets, and sockets that a service manager hands over."""

import contextlib
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import unittest

from exporter import PROGRAM, environment, run
from fake_api import KEY, FakeAPI
from running import Running
from timing import NEVER, wait_for_exit


def ask(connection):
    """The status line of a scrape over a connection."""
    with connection:
        connection.settimeout(NEVER)
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
    return answer.partition(b"\r\n")[0]


class Sockets(Running):
    OK = b"HTTP/1.1 200 OK"

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def unix(self, path):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(path))
        return connection

    def test_several_addresses_at_once(self):
        path = self.folder / "exporter.sock"
        _, exporter = self.started(
            "--web.listen-address=127.0.0.1:0", "--web.listen-address=[::1]:0", f"--web.listen-address=unix:{path}")
        addresses = re.findall(r'Listening on" address="?([^\s"]+)', exporter.log)
        self.assertEqual(len(addresses), 3, exporter.log)
        for address in addresses[:2]:
            host, _, port = address.rpartition(":")
            self.assertEqual(ask(socket.create_connection((host.strip("[]"), int(port)))), self.OK)
        self.assertEqual(ask(self.unix(path)), self.OK)
        self.assertEqual(exporter.stop()[0], 0)
        self.assertFalse(path.exists())

    def test_a_unix_socket_in_use_is_not_taken_away(self):
        path = self.folder / "exporter.sock"
        _, exporter = self.started("--web.listen-address=127.0.0.1:0", f"--web.listen-address=unix:{path}")
        second = run("--web.listen-address=127.0.0.1:0", f"--web.listen-address=unix:{path}")
        self.assertEqual(second.returncode, 1)
        self.assertIn(str(path), second.stderr)
        self.assertEqual(ask(self.unix(path)), self.OK)
        exporter.process.send_signal(signal.SIGKILL)
        exporter.process.wait()
        self.assertTrue(path.exists(), "nobody was there to remove it")
        self.started("--web.listen-address=127.0.0.1:0", f"--web.listen-address=unix:{path}")
        self.assertEqual(ask(self.unix(path)), self.OK)

    def systemd(self):
        """A listening socket, and an exporter that was started with it."""
        listener = self.enterContext(socket.create_server(("127.0.0.1", 0)))
        api = self.enterContext(FakeAPI())
        # As sd_listen_fds(3) has it: the sockets begin at descriptor 3, and the process is named.
        process = subprocess.Popen(
            # Not sh, which may know descriptors of one digit only.
            ["bash", "-c", f'exec 3<&{listener.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"', PROGRAM, "--web.systemd-socket",
             f"--hypersender.base-url={api.base_url}"],
            env=environment(HYPERSENDER_TOKEN=KEY), pass_fds=(listener.fileno(),), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return listener, process

    def test_sockets_of_systemd(self):
        listener, process = self.systemd()
        # The socket listens all along: the first scrape waits until the program answers.
        self.assertEqual(ask(socket.create_connection(listener.getsockname())), self.OK)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(wait_for_exit(process, 10)[0], 0)

    def test_the_backlog_of_systemd_is_left_to_the_next_process(self):
        listener, process = self.systemd()
        self.assertEqual(ask(socket.create_connection(listener.getsockname())), self.OK)
        process.send_signal(signal.SIGSTOP)
        connections = [socket.create_connection(listener.getsockname(), NEVER) for _ in range(50)]
        for connection in connections:
            self.addCleanup(connection.close)
            connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(wait_for_exit(process, 10)[0], 0)
        listener.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                accepted, _ = listener.accept()
                with accepted:
                    self.assertTrue(accepted.recv(4096).startswith(b"GET /-/healthy"))
                    accepted.sendall(b"the next")
        # Some may have been taken before the signal was seen: nobody is lost.
        answers = [b"".join(iter(lambda: connection.recv(4096), b"")) for connection in connections]
        for answer in answers:
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 ") or answer == b"the next", answer)

    def test_no_socket_of_systemd(self):
        result = run("--web.systemd-socket")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--web.systemd-socket", result.stderr)


if __name__ == "__main__":
    unittest.main()
