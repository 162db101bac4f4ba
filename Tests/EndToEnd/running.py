"""Shared by the tests of the running program."""

import re
import socket
import unittest

from exporter import Exporter, wait_until
from fake_api import FakeAPI, instance
from timing import NEVER


def good(page):
    return page.value("hypersender_up") == 1


def reason(page, name):
    return page.value("hypersender_poll_failures_total", reason=name)


class Running(unittest.TestCase):
    """With a good API and an exporter that has polled it."""

    def started(self, *arguments, api=None, condition=good, **options):
        if api is None:
            api = self.enterContext(FakeAPI())
        exporter = self.enterContext(Exporter(api.base_url, *arguments, **options))
        if condition:
            exporter.wait_for(condition, 15, "the first good poll")
        return api, exporter


class LargePage(Running):
    """With pages larger than all buffers between the exporter and a client."""

    def large(self, *arguments, **options):
        api = self.enterContext(FakeAPI([instance(n) for n in range(5_000)]))
        _, exporter = self.started(*arguments, api=api, condition=None, interval="60s", timeout="20s", stale_after=180, **options)
        wait_until(lambda: b"\nhypersender_up 1\n" in exporter.request("/metrics").body, 20, "the first good poll", lambda: exporter.log)
        return exporter


class SlowReader:
    """A scrape whose answer is not read yet: the page has to be larger than all buffers between."""

    def __init__(self, exporter):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(NEVER)
        self.socket.connect(("127.0.0.1", exporter.port))
        self.socket.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: identity\r\n\r\n")
        self.data = self.socket.recv(1024)

    def rest(self):
        """The whole answer's body, and how long it was to be."""
        while b"\r\n\r\n" not in self.data:
            self.data += self.socket.recv(1024)
        head, _, begun = self.data.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        body = bytearray(begun)
        while len(body) < length and (part := self.socket.recv(1 << 16)):
            body += part
        return bytes(body), length

    def close(self):
        self.socket.close()
