"""The parts that benchmarks share: an API that costs little, the programs under measurement, and load on them."""

import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
import zlib

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
TOKEN = "1|benchmark"
STATUSES = ("WORKING",) * 8 + ("STOPPED", "STARTING", "SCAN_QR_CODE", "FAILED", "PENDING")

# Nearly the header fields of Prometheus.
SCRAPE = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", "Accept-Encoding": "gzip"}


class Trouble(Exception):
    """Why there is nothing to measure."""


class FastAPI:
    """Answers every request with a list rendered beforehand, so that the API takes as little of the machine as can be.

    `mode` says how many instances differ from one answer to the next. Each answer says another number in X-RateLimit-Remaining, by which
    a scrape shows which poll it knows of.
    """

    MODES = ("unchanged", "1 %", "all")

    def __init__(self, instances):
        same, few, all_others = (self.render(instances, every) for every in (0, 100, 1))
        self.answers = {"unchanged": (same, same), "1 %": (same, few), "all": (same, all_others)}
        self.mode = "unchanged"
        # The arrival of each request: the time, and what `clock` said then.
        self.requests = []
        self.clock = lambda: None
        self.condition = threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/api/whatsapp/v1"
        threading.Thread(target=self.accept, daemon=True).start()

    @staticmethod
    def render(count, every):
        """The list; where `every` is n, every nth instance has another status than where it is 0."""
        numbers = random.Random(1)
        found = []
        for n in range(count):
            digits = f"{numbers.getrandbits(128):032x}"
            status = STATUSES[numbers.randrange(len(STATUSES))]
            if every and n % every == 0:
                status = "STARTING" if status == "WORKING" else "WORKING"
            found.append({
                "id": "-".join((digits[:8], digits[8:12], "4" + digits[13:16], "a" + digits[17:20], digits[20:])),
                "name": f"Shop number {n}",
                "phone": f"+2012{n:08}",
                "service_type": "whatsapp",
                "status": status,
                "access_token": f"{n}|3uB2pBST2H6If8twXIeUaeNu23VJ8XassYoOVJuva48388e1" if n % 5 else None,
                "created_at": f"2025-05-{n % 28 + 1:02}T{n % 24:02}:12:45",
            })
        return json.dumps(found, separators=(",", ":")).encode()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        buffer = b""
        try:
            while data := connection.recv(65536):
                buffer += data
                while b"\r\n\r\n" in buffer:
                    _, _, buffer = buffer.partition(b"\r\n\r\n")
                    with self.condition:
                        self.requests.append((time.monotonic(), self.clock()))
                        number = len(self.requests)
                        body = self.answers[self.mode][number % 2]
                        self.condition.notify_all()
                    connection.sendall(
                        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-RateLimit-Limit: 1000000\r\n"
                        b"X-RateLimit-Remaining: %d\r\nContent-Length: %d\r\n\r\n" % (number, len(body)))
                    connection.sendall(body)
        except OSError:
            pass

    def wait_for(self, number, seconds=120):
        """The time and the clock's word at the arrival of a request, counted from 1."""
        with self.condition:
            if not self.condition.wait_for(lambda: len(self.requests) >= number, seconds):
                raise Trouble(f"no request number {number} within {seconds} s")
            return self.requests[number - 1]


class Process:
    """A program under measurement; its figures are those of all its processes together."""

    def __init__(self, name, command, env=None, stderr=subprocess.DEVNULL):
        self.name = name
        self.process = subprocess.Popen(
            command, env={"PATH": os.environ["PATH"]} | (env or {}), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
        self.url = None

    def pids(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [self.process.pid, *map(int, children.read_text().split())]

    def cpu(self):
        """CPU seconds used so far, by the nanosecond and with those of threads that have ended."""
        # The clock of another process, as clock_getcpuclockid(3) computes it.
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self.pids())

    def memory(self, field):
        """A field of the processes' status, in MiB."""
        statuses = (pathlib.Path(f"/proc/{pid}/status").read_text() for pid in self.pids())
        return sum(int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) for status in statuses) / 1024

    def fetch(self, **headers):
        """The bytes of a scrape as they came, as Prometheus asks unless `headers` say otherwise."""
        headers = SCRAPE | {name.replace("_", "-"): value for name, value in headers.items()}
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                urllib.request.Request(self.url, headers=headers), timeout=120) as answer:
            return answer.read()

    def load(self, seconds, connections, encoding):
        """The figures of `wrk`, and the CPU time a scrape, by label; None where no scrape came to its end."""
        before = self.cpu()
        output = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "120s", "--latency", "-H", f"Accept: {SCRAPE['Accept']}",
             "-H", f"Accept-Encoding: {encoding}", self.url],
            check=True, capture_output=True, text=True).stdout
        used = self.cpu() - before
        if "Non-2xx" in output or "Socket errors" in output:
            raise Trouble(f"{self.name} failed under load:\n{output}")
        count = int(re.search(r"(\d+) requests in", output)[1])
        if not count:
            return None
        latency = {share: self.seconds(value) for share, value in re.findall(r"^ +(50|99)% +(\S+) *$", output, re.MULTILINE)}
        return {
            "rate, 1/s": float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]), "p50, ms": latency["50"] * 1000,
            "p99, ms": latency["99"] * 1000, "CPU a scrape, ms": used / count * 1000}

    @staticmethod
    def seconds(text):
        number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
        return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[unit]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Exporter(Process):
    """An exporter that polls, ours or another: it says on standard error where it listens."""

    def __init__(self, name, command, api):
        self.started = time.monotonic()
        super().__init__(name, command(api.base_url), {"HYPERSENDER_TOKEN": TOKEN}, subprocess.PIPE)
        address = None
        for line in self.process.stderr:
            address = re.search(rb'Listening.*?address"?[=:]"?([^\s",}]+)', line)
            if address:
                break
        if not address:
            raise Trouble(f"{name} ended with {self.process.wait()} before it listened")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.host, _, port = address[1].decode().rpartition(":")
        self.port = int(port)
        self.url = f"http://{self.host}:{self.port}/metrics"

    def poll_shown(self):
        """The number of the poll that a scrape shows the outcome of, 0 before there is one.

        The page is taken to its last byte, but only its beginning is inflated, where the number stands.
        """
        with socket.create_connection((self.host, self.port), timeout=120) as connection:
            fields = "".join(f"{name}: {value}\r\n" for name, value in SCRAPE.items())
            connection.sendall(f"GET /metrics HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n{fields}\r\n".encode())
            received = bytearray()
            while data := connection.recv(1 << 20):
                received += data
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
            raise Trouble(f"{self.name} answers {head[:80]!r}")
        if b"transfer-encoding: chunked" in head.lower():
            # The first chunk is enough, and any chunk's size line is passed over by none of them being needed.
            size, _, body = body.partition(b"\r\n")
            body = body[:int(size, 16)]
        if b"content-encoding: gzip" in head.lower():
            body = zlib.decompressobj(31).decompress(body, 1 << 16)
        found = re.search(rb"^hypersender_api_rate_limit_remaining (\d+)", body, re.MULTILINE)
        return int(found[1]) if found else 0

    def wait_until_shown(self, poll=1, seconds=120, pause=0.0):
        """The time at which the first scrape ended that showed a poll, or a later one."""
        deadline = time.monotonic() + seconds
        while self.poll_shown() < poll:
            if time.monotonic() > deadline:
                raise Trouble(f"{self.name} does not show poll {poll} within {seconds} s")
            time.sleep(pause)
        return time.monotonic()


class Nginx(Process):
    """nginx serving the bytes of a page, plain and compressed, as static files."""

    def __init__(self, folder, plain, compressed):
        folder = pathlib.Path(folder)
        (folder / "metrics").write_bytes(plain)
        (folder / "metrics.gz").write_bytes(compressed)
        port = free_port()
        (folder / "nginx.conf").write_text(f"""
            worker_processes auto;
            pid {folder}/pid;
            error_log stderr;
            events {{ worker_connections 1024; }}
            http {{
                access_log off;
                sendfile on;
                tcp_nopush on;
                keepalive_requests 1000000000;
                open_file_cache max=10;
                default_type "text/plain; version=0.0.4; charset=utf-8";
                gzip_static on;
                client_body_temp_path {folder}/body;
                proxy_temp_path {folder}/proxy;
                fastcgi_temp_path {folder}/fastcgi;
                uwsgi_temp_path {folder}/uwsgi;
                scgi_temp_path {folder}/scgi;
                server {{ listen 127.0.0.1:{port}; root {folder}; }}
            }}
            """)
        # The workers run as another user where nginx is started by root.
        for path in (folder, folder / "metrics", folder / "metrics.gz"):
            path.chmod(path.stat().st_mode | 0o555 if path == folder else 0o644)
        super().__init__("nginx", ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder), "-g", "daemon off;"])
        self.url = f"http://127.0.0.1:{port}/metrics"
        wait_for_port(port)


class NodeExporter(Process):
    """prometheus-node-exporter, as it comes, on a free port."""

    def __init__(self):
        port = free_port()
        super().__init__("node", ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}", "--web.max-requests=0"])
        self.url = f"http://127.0.0.1:{port}/metrics"
        wait_for_port(port)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for_port(port, seconds=10):
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise Trouble(f"nothing listens on port {port} within {seconds} s") from None
            time.sleep(0.01)
