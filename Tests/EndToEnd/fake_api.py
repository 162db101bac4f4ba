"""A fake of the Hypersender API, written after the vendor's page, that can misbehave in every way.

Why there are two APIs for tests: `Sources/Simulator` is part of the program, serves `--demo` and load, and stands on the exporter's own HTTP
server. This one is the oracle. It is written in another language over raw sockets and shares no code with the exporter, so that a mistake in
one is not hidden by the same mistake in the other. It can also break framing, TLS and compression, which no well-behaved server can.

What it answers is a function, exchanged at run time: `api.answer = faults.…`.
"""

import json
import select
import socket
import struct
import threading
import time
from urllib.parse import parse_qsl, urlsplit

# Every secret carries one of these marks: no output of an exporter may contain any of them. That of the phone numbers is
# long enough not to turn up by chance among the digits of times and durations, as one of seven digits did.
KEY_MARK = "zqKEYqz"
ACCESS_MARK = "zqACCESSqz"
PHONE_MARK = "2098765432"
MARKS = (KEY_MARK, ACCESS_MARK, PHONE_MARK)

KEY = f"4711|{KEY_MARK}5Hq2pBST2H6If8twXIeUaeNu23VJ8XassYoOVJuva48"
STATUSES = ("STOPPED", "STARTING", "WORKING", "SCAN_QR_CODE", "FAILED", "PENDING")
PATH = "/api/whatsapp/v1/instances"


def instance(number, **changes):
    """One instance as the vendor's page shows them; `changes` replaces fields, None for null, ... leaves one out."""
    status = STATUSES[number % len(STATUSES)]
    connected = status in ("WORKING", "STARTING", "STOPPED")
    fields = {
        "id": f"fa3d01c4-1234-4c0d-a12f-{number:012x}",
        "name": f"Instance {number}",
        "phone": f"+{PHONE_MARK}{number:05}",
        "service_type": "whatsapp",
        "status": status,
        "access_token": f"{1000 + number}|{ACCESS_MARK}{number:08}SH6If8twXIeUaeNu23VJ8XassYoOVJ" if connected else None,
        "created_at": f"2025-05-{number % 28 + 1:02}T10:12:45",
    } | changes
    return {key: value for key, value in fields.items() if value is not ...}


def encode(value):
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


class Request:
    def __init__(self, head):
        line, *fields = head.decode("latin-1").split("\r\n")
        self.line = line
        self.method, self.target, *_ = line.split(" ") + ["", ""]
        self.headers = {}
        for field in filter(None, fields):
            name, _, value = field.partition(":")
            self.headers.setdefault(name.strip().lower(), value.strip())
        self.path = urlsplit(self.target).path
        self.query = parse_qsl(urlsplit(self.target).query, keep_blank_values=True)
        self.time = time.monotonic()


class Exchange:
    """One request under way. An answer writes what it likes, however wrong."""

    def __init__(self, api, connection, request):
        self.api = api
        self.connection = connection
        self.request = request
        self.answer = api.answer
        self.keep_alive = True

    def send(self, data):
        self.connection.sendall(data)

    def reply(self, body, status="200 OK", headers=(), content_type="application/json"):
        """A whole and correct answer; `headers` are lines without their end."""
        head = [
            f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}",
            "X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 59", *headers,
        ]
        self.send("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)

    def head(self, *lines):
        """The beginning of an answer, as given."""
        self.send("".join(line + "\r\n" for line in ("HTTP/1.1 200 OK", "Content-Type: application/json", *lines)).encode() + b"\r\n")

    @property
    def abandoned(self):
        """Whether the fault is over, or the client has gone."""
        return self.api.closed or self.api.answer is not self.answer

    def hang(self, seconds=None):
        """Does nothing until the time is over, the fault ends, or the client leaves; false when to stop."""
        end = time.monotonic() + (seconds if seconds is not None else 3600)
        while not self.abandoned and time.monotonic() < end:
            readable, _, _ = select.select([self.connection], [], [], min(0.1, max(0, end - time.monotonic())))
            if readable and not self.connection.recv(65536):
                return False
        return not self.abandoned

    def drip(self, data, seconds=1.0, size=1):
        """Sends a few bytes at a time."""
        for index in range(0, len(data), size):
            self.send(data[index : index + size])
            if not self.hang(seconds):
                break
        self.keep_alive = False

    def close(self):
        self.keep_alive = False

    def reset(self):
        """Closes so that the client sees ECONNRESET."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.keep_alive = False


class FakeAPI:
    """The API on a port of its own. `instances` and `answer` may be changed at any time."""

    def __init__(self, instances=None, key=KEY, tls=None):
        self.instances = [instance(n) for n in range(7)] if instances is None else instances
        self.key = key
        self.tls = tls
        self.answer = honest
        self.requests = []
        self.connections = 0
        self.closed = False
        self.trap = None
        self._changed = threading.Condition()
        self._open = set()
        self._listener = None
        self.port = 0
        self._bind()
        self.listen()

    def _bind(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._listener = listener

    def listen(self):
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self):
        """Refuses connections from now on, and keeps the port; `listen` ends it."""
        old = self._listener
        # Shutting down wakes the thread that accepts; a port bound but not listened on refuses.
        old.shutdown(socket.SHUT_RDWR)
        old.close()
        self.drop()
        self._bind()

    def drop(self):
        """Closes every open connection."""
        with self._changed:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.closed = True
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self.drop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def origin(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def base_url(self):
        return self.origin + "/api/whatsapp/v1"

    @property
    def polls(self):
        """The number of requests for the first page."""
        with self._changed:
            return sum(not any(key == "page" for key, _ in request.query) for request in self.requests)

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with self._changed:
            self.connections += 1
            self._open.add(connection)
        raw = connection
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            buffer = b""
            while True:
                while b"\r\n\r\n" not in buffer:
                    data = connection.recv(65536)
                    if not data:
                        return
                    buffer += data
                    if buffer.startswith(b"\x16\x03"):
                        # TLS spoken to a server without: what most answer.
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                        return
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                request = Request(head)
                with self._changed:
                    self.requests.append(request)
                    self._changed.notify_all()
                exchange = Exchange(self, connection, request)
                exchange.answer(exchange)
                if not exchange.keep_alive:
                    return
        except (OSError, ValueError):
            pass
        finally:
            with self._changed:
                self._open.discard(raw)
            connection.close()


def authorised(exchange):
    """Judges the request as the vendor does; on a bad one answers and says no."""
    request, api = exchange.request, exchange.api
    if request.path != PATH:
        exchange.reply(encode({"message": "Not found."}), "404 Not Found")
    elif "application/json" not in request.headers.get("accept", ""):
        exchange.reply(b"<html>login</html>", "302 Found", [f"Location: {api.origin}/login"], "text/html")
    elif request.headers.get("authorization") != f"Bearer {api.key}":
        exchange.reply(encode({"message": "Unauthenticated."}), "401 Unauthorized")
    elif request.method != "GET":
        exchange.reply(encode({"message": "Method not allowed."}), "405 Method Not Allowed", ["Allow: GET"])
    else:
        return True
    return False


def chosen(exchange):
    """The instances the request's filters leave, or None after an unknown filter has been answered."""
    found = exchange.api.instances
    for key, value in exchange.request.query:
        if key == "filter[uuid]":
            found = [i for i in found if i["id"] == value]
        elif key == "filter[name]":
            found = [i for i in found if value in i["name"]]
        elif key == "filter[phone]":
            found = [i for i in found if i["phone"] == value]
        elif key == "filter[status]":
            found = [i for i in found if i["status"] in value.split(",")]
        elif key != "page":
            exchange.reply(encode({"message": f"Requested filter(s) `{key}` are not allowed."}), "400 Bad Request")
            return None
    return found


def honest(exchange):
    """The answer of the vendor's page: a bare array, which has no further pages."""
    if not authorised(exchange):
        return
    if any(key == "page" for key, _ in exchange.request.query):
        exchange.reply(encode({"message": "No such page."}), "404 Not Found")
    else:
        found = chosen(exchange)
        if found is not None:
            exchange.reply(encode(found))
