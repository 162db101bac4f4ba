"""A DNS server for tests of name resolution, in a network of their own."""

import contextlib
import socket
import threading


class NameServer:
    """Answers on UDP port 53; `names` holds the addresses of each name, or None if its questions are to be ignored."""

    def __init__(self, names):
        self.names = names
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Wakes the thread up, which closing does not.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.socket.close()

    def _serve(self):
        while True:
            try:
                question, client = self.socket.recvfrom(4096)
            except OSError:
                return
            if not question:
                return
            labels, at = [], 12
            while question[at]:
                labels.append(question[at + 1:at + 1 + question[at]].decode())
                at += 1 + question[at]
            name, kind = ".".join(labels), int.from_bytes(question[at + 1:at + 3], "big")
            self.asked.append(name)
            addresses = self.names.get(name, [])
            if addresses is None:
                continue
            family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
            found = [a for a in addresses if family == (socket.AF_INET6 if ":" in a else socket.AF_INET)]
            answers = b"".join(
                b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1\0\0\0\0" + len(socket.inet_pton(family, a)).to_bytes(2, "big")
                + socket.inet_pton(family, a) for a in found)
            status = b"\x81\x80" if addresses else b"\x81\x83"
            counts = b"\0\1" + len(found).to_bytes(2, "big") + b"\0\0\0\0"
            self.socket.sendto(question[:2] + status + counts + question[12:at + 5] + answers, client)
