"""Answers that an API, or whatever stands before it, may give, and what the exporter has to make of them.

A case is a name, an answer, and the reasons that a failed poll may be counted under. No reason means that the poll is good, and `judge` then
says what the page must show.

The simulator has faults of its own, for demos and for alerts end to end. These are the judge's: see the head of fake_api.py.
"""

import gzip
import random
import time
import zlib
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Callable

from fake_api import ACCESS_MARK, KEY, STATUSES, authorised, encode, honest, instance

# Anything that a server may echo where it should not, in the form that the vendor gives its tokens.
LEAK = f"Invalid token Bearer {KEY} of 234|{ACCESS_MARK}leaked"


@dataclass
class Case:
    name: str
    answer: Callable
    reasons: frozenset
    # Called with a test, a page and the fake API, once the answer has been polled.
    judge: Callable | None = None
    arguments: tuple = ()
    # Whether the poll must also be seen to be judged stale.
    stale: bool = False
    # The time that must pass between the fault's first request and the next.
    not_before: float = 0
    refused: bool = False
    # Nothing may connect to another origin.
    trapped: bool = False
    extra: dict = field(default_factory=dict)


CASES = []


def case(name, reasons="", **more):
    def add(answer):
        CASES.append(Case(name, answer, frozenset(reasons.split()), **more))
        return answer

    return add


def body_case(name, body, reasons, **more):
    """The API's 200 with this body, whole and correctly framed."""
    data = body if isinstance(body, bytes) else body.encode()

    def answer(exchange):
        if authorised(exchange):
            exchange.reply(data)

    case(name, reasons, **more)(answer)


# Statuses

def status_case(code, phrase, reason, headers=(), suffix="", **more):
    def answer(exchange):
        given = [header() if callable(header) else header for header in headers]
        exchange.reply(encode({"message": LEAK, "detail": LEAK}), f"{code} {phrase}", given)

    case(f"status_{code}{suffix}", reason, **more)(answer)


status_case(400, "Bad Request", "bad_request", stale=True)
status_case(401, "Unauthorized", "unauthorized", stale=True)
status_case(403, "Forbidden", "forbidden", stale=True)
status_case(404, "Not Found", "not_found", stale=True)
status_case(405, "Method Not Allowed", "http_error")
status_case(418, "I'm a teapot", "http_error")
status_case(422, "Unprocessable Content", "http_error", stale=True)
status_case(423, "Locked", "http_error")
status_case(429, "Too Many Requests", "rate_limited", stale=True)
status_case(429, "Too Many Requests", "rate_limited", ["Retry-After: 4"], "_retry_after_seconds", not_before=3.9)
status_case(
    429, "Too Many Requests", "rate_limited", [lambda: "Retry-After: " + formatdate(time.time() + 5, usegmt=True)],
    "_retry_after_date", not_before=3.5)
status_case(
    429, "Too Many Requests", "rate_limited", [lambda: f"X-RateLimit-Reset: {int(time.time()) + 5}"],
    "_reset", not_before=3.5)
status_case(429, "Too Many Requests", "rate_limited", ["Retry-After: soon"], "_retry_after_garbage")
status_case(429, "Too Many Requests", "rate_limited", ["Retry-After: 0"], "_retry_after_zero", not_before=0.9)
status_case(429, "Too Many Requests", "rate_limited", ["Retry-After: -5"], "_retry_after_negative", not_before=0.9)
status_case(500, "Internal Server Error", "server_error", stale=True)
status_case(502, "Bad Gateway", "server_error")
status_case(503, "Service Unavailable", "server_error")
status_case(500, LEAK, "server_error", suffix="_leaking_phrase")
status_case(401, LEAK, "unauthorized", ["WWW-Authenticate: " + LEAK], suffix="_leaking_phrase")


status_case(503, "Service Unavailable", "server_error", ["Retry-After: 4"], "_retry_after_seconds", not_before=3.9)
status_case(429, "Too Many Requests", "rate_limited", ["X-RateLimit-Reset: 4"], "_reset_in_seconds", not_before=3.9)
status_case(429, "Too Many Requests", "rate_limited", [lambda: f"X-RateLimit-Reset: {int(time.time() * 1000) + 5000}"],
            "_reset_in_milliseconds", not_before=3.9)
status_case(
    503, "Service Unavailable", "server_error",
    [lambda: "Retry-After: " + formatdate(time.time() + 7205, usegmt=True), lambda: "Date: " + formatdate(time.time() + 7200, usegmt=True)],
    "_another_clock", not_before=3.9)


# Others that answer in the API's place

def page_case(name, reason, status, title=f"Denied {LEAK}", headers=(), content_type="text/html"):
    @case(name, reason)
    def _(exchange):
        exchange.reply(f"<!DOCTYPE html><html><title>{title}</title>{LEAK}</html>".encode(), status, headers, content_type)


page_case("challenge_page", "blocked", "403 Forbidden", headers=["cf-mitigated: challenge"])
page_case("page_401", "blocked", "401 Unauthorized")
page_case("page_404", "blocked", "404 Not Found", content_type="application/json")
page_case("page_407", "blocked", "407 Proxy Authentication Required")
page_case("page_429", "rate_limited", "429 Too Many Requests")
page_case("page_503", "server_error", "503 Service Unavailable")


@case("error_code_as_text", "blocked")
def _(exchange):
    exchange.reply(b"error code: 1020", "403 Forbidden", content_type="text/plain")


@case("unreadable_page_403", "blocked")
def _(exchange):
    exchange.reply(b"\x1b\x00\x00" + LEAK.encode(), "403 Forbidden", ["Content-Encoding: br"], "text/html")


@case("broken_page_403", "blocked")
def _(exchange):
    exchange.reply(b"<html>" + LEAK.encode(), "403 Forbidden", ["Content-Encoding: gzip"], "text/html")


@case("nothing_with_403", "forbidden")
def _(exchange):
    exchange.reply(b"", "403 Forbidden", content_type="text/html")


@case("endless_page_403", "blocked")
def _(exchange):
    exchange.send(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n<html><title>Denied</title>")
    while not exchange.abandoned:
        exchange.send(b"x" * (1 << 20))


@case("slow_page_403", "blocked")
def _(exchange):
    exchange.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5000\r\n\r\n")
    exchange.drip(b"<html><title>Denied</title>" + b"x" * 4900, seconds=0.01)


@case("status_500_html", "server_error")
def _(exchange):
    exchange.reply(b"<html>" + LEAK.encode() + b"</html>", "500 Internal Server Error", content_type="text/html")


@case("status_401_huge_message", "unauthorized")
def _(exchange):
    exchange.reply(encode({"message": "x" * 190 + " " + LEAK + "y" * 500_000}), "401 Unauthorized")


@case("status_500_endless_body", "server_error timeout too_large")
def _(exchange):
    exchange.send(b"HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\r\n")
    while not exchange.abandoned:
        exchange.send(b" " * (1 << 20))


# The connection

CASES.append(Case("refused", honest, frozenset({"connect"}), refused=True, stale=True))


@case("closed_at_once", "connect")
def _(exchange):
    exchange.close()


@case("reset_before_headers", "connect")
def _(exchange):
    exchange.reset()


@case("closed_in_headers", "connect decode")
def _(exchange):
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Ty")
    exchange.close()


@case("reset_in_body", "connect")
def _(exchange):
    body = encode(exchange.api.instances)
    exchange.head(f"Content-Length: {len(body)}")
    exchange.send(body[: len(body) // 2])
    # The half sent has to arrive before the reset, which would overtake it.
    exchange.hang(0.2)
    exchange.reset()


@case("length_too_long_then_closed", "connect")
def _(exchange):
    body = encode(exchange.api.instances)
    exchange.head(f"Content-Length: {len(body) + 100}")
    exchange.send(body)
    exchange.close()


@case("length_too_long_then_silent", "timeout")
def _(exchange):
    body = encode(exchange.api.instances)
    exchange.head(f"Content-Length: {len(body) + 100}")
    exchange.send(body)
    exchange.hang()
    exchange.close()


@case("length_too_short", "decode connect")
def _(exchange):
    body = encode(exchange.api.instances)
    exchange.head(f"Content-Length: {len(body) - 10}")
    exchange.send(body + LEAK.encode())
    exchange.close()


@case("hang_before_headers", "timeout", stale=True)
def _(exchange):
    exchange.hang()
    exchange.close()


@case("hang_in_headers", "timeout")
def _(exchange):
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: appl")
    exchange.hang()
    exchange.close()


@case("hang_in_body", "timeout")
def _(exchange):
    body = encode(exchange.api.instances)
    exchange.head(f"Content-Length: {len(body)}")
    exchange.send(body[:50])
    exchange.hang()
    exchange.close()


@case("one_byte_a_second", "timeout")
def _(exchange):
    body = encode(exchange.api.instances)
    exchange.head(f"Content-Length: {len(body)}")
    exchange.drip(body)


@case("headers_one_byte_at_a_time", "timeout")
def _(exchange):
    exchange.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Padding: yes\r\n" * 1000, seconds=0.1)


@case("chunks_one_at_a_time", "timeout")
def _(exchange):
    exchange.head("Transfer-Encoding: chunked")
    exchange.drip(b"1\r\n \r\n" * 1000, seconds=0.1, size=6)


# HTTP that is none

def raw_case(name, data, reasons):
    @case(name, reasons)
    def _(exchange):
        exchange.send(data)
        exchange.close()


raw_case("another_protocol", b"SSH-2.0-OpenSSH_9.2p1 " + LEAK.encode() + b"\r\n", "decode connect")
raw_case("http_0_9", b"[]", "decode connect")
raw_case("bad_version", b"HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n[]", "decode")
raw_case("bad_status", b"HTTP/1.1 2OO OK\r\nContent-Length: 2\r\n\r\n[]", "decode")
raw_case("status_zero", b"HTTP/1.1 000 X\r\nContent-Length: 2\r\n\r\n[]", "decode")
raw_case("status_below_100", b"HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\n[]", "decode")
raw_case("bad_length", b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n[]", "decode")
raw_case("negative_length", b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n[]", "decode")
raw_case("two_lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[] ", "decode")
raw_case("header_without_colon", b"HTTP/1.1 200 OK\r\n" + LEAK.encode() + b"\r\nContent-Length: 2\r\n\r\n[]", "decode")
raw_case("bad_chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n", "decode")
raw_case("chunks_cut_off", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n", "connect")
raw_case("random_bytes", random.Random(7).randbytes(4096), "decode connect")


@case("endless_headers", "decode too_large connect")
def _(exchange):
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    while not exchange.abandoned:
        exchange.send(b"".join(b"X-%d: %s\r\n" % (n, b"v" * 100) for n in range(1000)))


@case("endless_header", "decode too_large connect")
def _(exchange):
    exchange.send(b"HTTP/1.1 200 OK\r\nX-Padding: ")
    while not exchange.abandoned:
        exchange.send(b"v" * 65536)


@case("endless_status_line", "decode too_large connect timeout")
def _(exchange):
    exchange.send(b"HTTP/1.1 200 ")
    while not exchange.abandoned:
        exchange.send(b"O" * 65536)


# Bodies that are too much. A slow machine may run into the deadline before the limit of 64 MiB.

@case("endless_body", "too_large timeout")
def _(exchange):
    exchange.head("Connection: close")
    exchange.send(b"[")
    while not exchange.abandoned:
        exchange.send(b" " * (1 << 20))


@case("endless_body_small_limit", "too_large", arguments=("--poll.max-response-bytes=1000000",), stale=True)
def _(exchange):
    exchange.head("Transfer-Encoding: chunked")
    while not exchange.abandoned:
        exchange.send(b"10000\r\n" + b" " * 65536 + b"\r\n")


@case("declared_too_large", "too_large timeout")
def _(exchange):
    exchange.head("Content-Length: 99999999999")
    while not exchange.abandoned:
        exchange.send(b" " * (1 << 20))


@case("endless_instances", "too_large timeout")
def _(exchange):
    exchange.head("Connection: close")
    exchange.send(b"[" + encode(instance(0)))
    some = b"".join(b"," + encode(instance(n)) for n in range(1, 3000))
    while not exchange.abandoned:
        exchange.send(some)


def bomb():
    """A gzip stream of 4 GiB of spaces, of 4 MiB."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = compressor.compress(b" " * (4 << 20)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff" + block * 1024


@case("gzip_bomb", "too_large")
def _(exchange):
    data = bomb()
    exchange.head(f"Content-Length: {len(data)}", "Content-Encoding: gzip")
    exchange.send(data)


@case("gzip_bomb_in_an_error", "server_error too_large timeout")
def _(exchange):
    data = bomb()
    exchange.send(f"HTTP/1.1 500 Oops\r\nContent-Length: {len(data)}\r\nContent-Encoding: gzip\r\n\r\n".encode() + data)


@case("not_gzip", "decode")
def _(exchange):
    exchange.reply(encode(exchange.api.instances), headers=["Content-Encoding: gzip"])


@case("compressed_otherwise", "decode")
def _(exchange):
    exchange.reply(encode(exchange.api.instances), headers=["Content-Encoding: br"])


@case("compressed_twice", "decode")
def _(exchange):
    exchange.reply(gzip.compress(gzip.compress(encode(exchange.api.instances))), headers=["Content-Encoding: gzip, gzip"])


@case("gzip_cut_short", "decode")
def _(exchange):
    exchange.reply(gzip.compress(encode(exchange.api.instances))[:-40], headers=["Content-Encoding: gzip"])


# Bodies that are no list of instances

GOOD = encode([instance(n) for n in range(7)])

for _name, _body in {
    "empty_body": b"",
    "html": b"<!DOCTYPE html><html><title>Login</title>" + LEAK.encode() + b"</html>",
    "plain_text": b"OK",
    "object": b"{}",
    "null": b"null",
    "true": b"true",
    "number": b"0",
    "string": b'"[]"',
    "queued": b'{"queued":true,"message":"queued"}',
    "error_with_200": encode({"message": LEAK}),
    "data_null": b'{"data":null}',
    "data_object": b'{"data":{}}',
    "data_in_capitals": b'{"Data":[]}',
    "data_string": b'{"data":"[]"}',
    "list_in_list": b"[" + GOOD + b"]",
    "numbers": b"[1,2,3]",
    "nulls": b"[null,null]",
    "no_element_readable": encode([instance(0, id=1), instance(1, id=""), instance(3, id=...)]),
    "numbered_keys_and_others": encode({"0": instance(0), "message": "no"}),
    "error_beside_an_empty_list": encode({"error": LEAK, "data": []}),
    "error_beside_a_list": encode({"data": [instance(0)], "errors": [{"detail": LEAK}]}),
    "no_success": encode({"success": False, "data": [], "message": LEAK}),
    "numbered_data_and_others": encode({"data": {"0": instance(0), "x": instance(1)}}),
    "error_message_with_200": encode({"error": {"message": LEAK}}),
    "keys_in_capitals": GOOD.replace(b'"id"', b'"ID"').replace(b'"status"', b'"Status"'),
    "truncated": GOOD[:-1],
    "truncated_in_a_string": GOOD[:120],
    "truncated_between_elements": GOOD[: GOOD.index(b"}") + 1],
    "truncated_to_a_bracket": b"[",
    "trailing_garbage": GOOD + b"x",
    "trailing_bracket": GOOD + b"]",
    "trailing_null_byte": GOOD + b"\x00",
    "second_document": GOOD + b"\n[]",
    "second_document_after_empty": b"[]" + GOOD,
    "trailing_comma": GOOD[:-1] + b",]",
    "comment": b"[] // none",
    "single_quotes": GOOD.replace(b'"', b"'"),
    "unquoted_keys": GOOD.replace(b'"id"', b"id"),
    "nan": GOOD.replace(b"null", b"NaN"),
    "raw_newline_in_a_string": GOOD.replace(b"Instance 0", b"Instance\n0"),
    "bad_escape": GOOD.replace(b"Instance 0", b"Instance \\x30"),
    "bad_unicode_escape": GOOD.replace(b"Instance 0", b"Instance \\u00zz"),
    "invalid_utf8": GOOD.replace(b"Instance 0", b"Instance \xff\xfe"),
    "overlong_utf8": GOOD.replace(b"Instance 0", b"Instance \xc0\xaf"),
    "surrogate_in_utf8": GOOD.replace(b"Instance 0", b"Instance \xed\xa0\x80"),
    "utf8_cut_in_a_character": GOOD.replace(b"Instance 0", b"Instance \xf0\x9f\x99"),
    "latin_1": "[{\"id\":\"a\",\"name\":\"é\",\"status\":\"WORKING\"}]".encode("latin-1"),
    "utf_16": GOOD.decode().encode("utf-16"),
    "utf_32": GOOD.decode().encode("utf-32"),
    "deep_lists": b"[" * 200_000 + b"]" * 200_000,
    "deep_lists_unclosed": b"[" * 5_000_000,
    "deep_objects": b'{"data":' * 100_000 + b"[]" + b"}" * 100_000,
    "deep_in_alternation": b'[{"id":' * 100_000,
}.items():
    body_case("body_" + _name, _body, "decode", stale=_name == "queued")


# Redirects

def redirect_case(name, status, location):
    @case(name, "redirect", trapped=True)
    def _(exchange):
        exchange.reply(b"<html>moved</html>", status, ["Location: " + location(exchange.api)], "text/html")


for _status in ("301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"):
    redirect_case(f"redirect_{_status[:3]}_elsewhere", _status, lambda api: api.trap.base_url + "/instances")
redirect_case("redirect_to_itself", "302 Found", lambda api: api.base_url + "/instances")
redirect_case("redirect_leaking", "302 Found", lambda api: api.trap.origin + "/login?token=" + KEY)


# Pages

def paged(exchange, size=3, link=None, page_of=None):
    """The framework's paged form, in pages of `size`."""
    if not authorised(exchange):
        return
    number = int(dict(exchange.request.query).get("page", "1"))
    some = exchange.api.instances[(number - 1) * size : number * size]
    more = number * size < len(exchange.api.instances)
    here = exchange.api.base_url + "/instances"
    following = (link or (lambda api, n: f"{here}?page={n}"))(exchange.api, number + 1) if more else None
    answer = {
        "data": some,
        "links": {"first": here + "?page=1", "last": None, "prev": None, "next": following},
        "meta": {"current_page": number, "per_page": size, "path": here, "total": len(exchange.api.instances)},
    }
    if page_of and page_of(number):
        page_of(number)(exchange, answer)
    else:
        exchange.reply(encode(answer))


def link_case(name, link, reasons="redirect"):
    @case(name, reasons, trapped=True)
    def _(exchange):
        paged(exchange, link=link)


link_case("next_page_elsewhere", lambda api, n: f"{api.trap.base_url}/instances?page={n}")
link_case("next_page_on_another_name", lambda api, n: f"http://localhost:{api.trap.port}/api/whatsapp/v1/instances?page={n}")
link_case("next_page_behind_user_info", lambda api, n: f"http://127.0.0.1:{api.port}@127.0.0.1:{api.trap.port}/?page={n}",
          "redirect decode")
link_case("next_page_without_scheme", lambda api, n: f"//127.0.0.1:{api.trap.port}/api/whatsapp/v1/instances?page={n}",
          "redirect decode")
link_case("next_page_over_tls", lambda api, n: f"https://127.0.0.1:{api.trap.port}/api/whatsapp/v1/instances?page={n}")
link_case("next_page_a_file", lambda api, n: "file:///etc/passwd", "redirect decode")


@case("next_page_is_the_same_for_ever", "decode too_large timeout redirect http_error internal", trapped=True)
def _(exchange):
    if authorised(exchange):
        here = exchange.api.base_url + "/instances"
        exchange.reply(encode({"data": [], "links": {"next": here + "?page=1"}, "meta": {}}))


def pages(size, sign):
    """An answer in pages without links, which tell by `sign` (of the page's number and the number of pages) that there are more."""
    def answer(exchange):
        if not authorised(exchange):
            return
        query = dict(exchange.request.query)
        number = int(query.get("page", query.get("cursor", "c1").lstrip("c")))
        some = exchange.api.instances
        count = -(-len(some) // size)
        more, headers = sign(number, count)
        part = some[(number - 1) * size : number * size]
        exchange.reply(encode(part if more is None else {"data": part} | more), headers=headers)

    return answer


def until_last(number, count, value):
    return value if number < count else None


PAGES = {
    "next_page_url": lambda n, of: ({"next_page_url": until_last(n, of, f"/api/whatsapp/v1/instances?page={n + 1}")}, ()),
    "next_page_url_empty": lambda n, of: ({"next_page_url": until_last(n, of, f"?page={n + 1}") or ""}, ()),
    "meta": lambda n, of: ({"meta": {"current_page": n, "last_page": of, "total": 7}}, ()),
    "meta_in_strings": lambda n, of: ({"meta": {"current_page": str(n), "last_page": str(of), "total": "7"}}, ()),
    "top_level": lambda n, of: ({"current_page": n, "last_page": of, "total": 7}, ()),
    "null_link_beside_last_page": lambda n, of: ({"links": {"next": None}, "meta": {"current_page": n, "last_page": of}}, ()),
    "meta_cursor": lambda n, of: ({"meta": {"next_cursor": until_last(n, of, f"c{n + 1}")}}, ()),
    "cursor": lambda n, of: ({"next_cursor": until_last(n, of, f"c{n + 1}")}, ()),
    "pagination": lambda n, of: ({"meta": {"pagination": {"current_page": n, "total_pages": of, "total": 7}}}, ()),
    "links_with_underscore": lambda n, of: ({"_links": {"next": {"href": f"?page={n + 1}"}} if n < of else {}}, ()),
    "link_header": lambda n, of: (None, [f'Link: <?page=1>; rel="first", <?page={n + 1}>; rel="next"'] if n < of else []),
    "link_header_elsewhere": lambda n, of: ({"meta": {}}, [f'Link: </api/whatsapp/v1/instances?page={n + 1}>; rel=next'] if n < of else []),
}


@case("fewer_than_the_total", "incomplete")
def _(exchange):
    if authorised(exchange):
        exchange.reply(encode({"data": exchange.api.instances[:3], "meta": {"total": 7}}))


@case("more_than_the_total", "incomplete")
def _(exchange):
    if authorised(exchange):
        exchange.reply(encode({"data": exchange.api.instances, "total": "6"}))


@case("more_but_not_where", "incomplete")
def _(exchange):
    if authorised(exchange):
        exchange.reply(encode({"data": exchange.api.instances, "has_more": True}))


@case("totals_that_disagree", "incomplete")
def _(exchange):
    pages(3, lambda n, of: ({"current_page": n, "last_page": of, "total": 6 + n % 2}, ()))(exchange)


@case("pages_that_are_all_the_same", "incomplete")
def _(exchange):
    if authorised(exchange):
        exchange.reply(encode({"data": exchange.api.instances, "last_page": 3}))


link_case("next_page_on_another_path", lambda api, n: f"{api.base_url}/others?page={n}")


@case("second_page_500", "server_error")
def _(exchange):
    paged(exchange, page_of=lambda n: n == 2 and (lambda e, _: e.reply(b"{}", "500 Internal Server Error")))


@case("second_page_truncated", "decode")
def _(exchange):
    paged(exchange, page_of=lambda n: n == 2 and (lambda e, answer: e.reply(encode(answer)[:-5])))


@case("third_page_hangs", "timeout")
def _(exchange):
    paged(exchange, page_of=lambda n: n == 3 and (lambda e, _: (e.hang(), e.close())))


@case("second_page_redirects", "redirect", trapped=True)
def _(exchange):
    def elsewhere(exchange, _):
        exchange.reply(b"", "302 Found", [f"Location: {exchange.api.trap.base_url}/instances?page=2"])

    paged(exchange, page_of=lambda n: n == 2 and elsewhere)


# Answers that are unusual, and good

def all_shown(test, page, api):
    """The page shows the API's instances, one for one."""
    shown = {s.labels["instance_id"]: s.labels["instance_name"] for s in page.all("hypersender_instance_up")}
    test.assertEqual(shown, {i["id"]: i["name"] for i in api.instances})
    for each in api.instances:
        test.assertEqual(page.value("hypersender_instance_status", instance_id=each["id"], status=each["status"]), 1)
        present = float(each["access_token"] is not None)
        test.assertEqual(page.value("hypersender_instance_access_token_present", instance_id=each["id"]), present)


def good_case(name, **more):
    return case(name, judge=more.pop("judge", all_shown), **more)


def good_body(name, make, **more):
    @good_case(name, **more)
    def _(exchange):
        if authorised(exchange):
            exchange.reply(make(exchange.api))


good_body("byte_order_mark", lambda api: b"\xef\xbb\xbf" + encode(api.instances))
good_body("white_space", lambda api: b" \r\n\t" + encode(api.instances) + b"\n\n \t\r\n")
good_body("wrapped", lambda api: encode({"data": api.instances}))
good_body("wrapped_with_links", lambda api: encode({"links": {"next": None}, "meta": {}, "data": api.instances}))
good_body("unknown_fields", lambda api: encode([i | {"new": {"deep": [1, {}]}, "n": 1e300} for i in api.instances]))
good_body("fields_in_another_order", lambda api: encode([dict(reversed(i.items())) for i in api.instances]))
good_body("escaped_ascii", lambda api: encode(api.instances).replace(b"Instance", b"\\u0049nst\\u0061nce"))
good_body("escaped_slashes_in_keys", lambda api: encode(api.instances).replace(b'"id"', b'"\\u0069d"'))


@good_case("paged")
def _(exchange):
    paged(exchange)


@good_case("paged_by_one")
def _(exchange):
    paged(exchange, size=1)


for _name, _sign in PAGES.items():
    for _size in (1, 3):
        good_case(f"pages_by_{_name}_of_{_size}")(pages(_size, _sign))

good_body("numbered_keys", lambda api: encode({str(n * 2): i for n, i in enumerate(api.instances)}))
good_body("numbered_keys_in_data", lambda api: encode({"data": {str(n + 1): i for n, i in enumerate(api.instances)}}))


@good_case("an_empty_last_page")
def _(exchange):
    paged(exchange, page_of=lambda n: (lambda e, answer: e.reply(encode(
        {"data": answer["data"], "next_page_url": f"?page={n + 1}" if n < 4 else None, "total": 7}))))


@good_case("chunked")
def _(exchange):
    body = encode(exchange.api.instances)
    exchange.head("Transfer-Encoding: chunked")
    for index in range(0, len(body), 7):
        part = body[index : index + 7]
        exchange.send(b"%x;extension=1\r\n%s\r\n" % (len(part), part))
    exchange.send(b"0\r\nX-Trailer: yes\r\n\r\n")


@good_case("compressed")
def _(exchange):
    exchange.reply(gzip.compress(encode(exchange.api.instances)), headers=["Content-Encoding: gzip"])


@good_case("compressed_by_its_other_names")
def _(exchange):
    data = encode(exchange.api.instances)
    name, body = (("X-GZIP", gzip.compress(data)), ("deflate", zlib.compress(data)))[exchange.api.polls % 2]
    exchange.reply(body, headers=[f"Content-Encoding: {name}"])


@good_case("until_the_connection_closes")
def _(exchange):
    exchange.send(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + encode(exchange.api.instances))
    exchange.close()


@good_case("in_two_pieces")
def _(exchange):
    body = encode(exchange.api.instances)
    exchange.head(f"Content-Length: {len(body)}")
    exchange.send(body[:100])
    exchange.hang(0.3)
    exchange.send(body[100:])


@good_case("closed_after_each", extra={"polls": 4})
def _(exchange):
    exchange.reply(encode(exchange.api.instances), headers=["Connection: close"])
    exchange.close()


@good_case("closed_after_each_without_a_word", extra={"polls": 4})
def _(exchange):
    exchange.reply(encode(exchange.api.instances))
    exchange.close()


@good_case("another_content_type")
def _(exchange):
    exchange.reply(encode(exchange.api.instances), content_type="application/vnd.api+json; charset=utf-8")


def none_at_all(test, page, api):
    test.assertEqual(page.all("hypersender_instance_up"), [])
    test.assertEqual([s.value for s in page.all("hypersender_instances")], [0] * 7)


body_case("no_instances", b"[]", "", judge=none_at_all)
body_case("no_instances_wrapped", b'{"data":[]}', "", judge=none_at_all)


# Instances that are unusual

def list_case(name, instances, judge=all_shown, reasons=""):
    """The list of the API is another one for a while."""
    case(name, reasons, judge=judge, extra={"instances": instances})(honest)


HOSTILE_NAMES = [
    'quote " quote', 'end"} 1\nhypersender_up 7', "new\nline", "\n", "back\\slash", "\\", "\\n", '\\"', "tab\tand\rreturn", "{}", '{a="b"}',
    "# HELP hypersender_up x", "# EOF", "a,b=c", "café", "🙂", "👩‍👩‍👧‍👦", "مرحبا", "\u202eright to left", "\u2028", "\u0085", "\ufeff", "\u00a0",
    "nul\x00", "\x1b[31mred", "\x7f", "<script>alert(1)</script>", "%s%n", "$(id)", "' OR 1=1", " ", "  two  spaces  ", "x" * 256, "é" * 256,
    "\U0010ffff", "\ufffd",
]
list_case("hostile_names", [instance(n, name=name) for n, name in enumerate(HOSTILE_NAMES)])
list_case("hostile_ids", [instance(n, id=name) for n, name in enumerate(HOSTILE_NAMES[:20])])
list_case("the_same_name_twice", [instance(n, name="twin") for n in range(3)])


def one_name_cut(test, page, api):
    test.assertEqual(len(page.all("hypersender_instance_up")), len(api.instances))
    shown = page.all("hypersender_instance_up", instance_id=api.instances[0]["id"])[0].labels["instance_name"]
    test.assertIn(shown, {"x" * 256 + "…", "x" * 255 + "…"})
    shown = page.all("hypersender_instance_up", instance_id=api.instances[1]["id"])[0].labels["instance_name"]
    test.assertTrue(shown.endswith("…") and len(shown.encode()) < 1100, "the name of a megabyte is not cut")


list_case("name_of_a_megabyte", [instance(0, name="x" * 1_000_000), instance(1, name="\n" * 1_000_000), instance(2)], one_name_cut)


def first_kept(test, page, api):
    test.assertEqual(page.value("hypersender_duplicate_instances"), 2)
    test.assertEqual([s.labels["instance_name"] for s in page.all("hypersender_instance_up")], ["first", "other"])
    test.assertEqual(page.value("hypersender_instances", status="WORKING"), 1)


list_case("duplicate_ids", [
    instance(0, name="first", status="WORKING"), instance(1, name="other", status="FAILED"),
    instance(0, name="second", status="STOPPED"), instance(0, name="first", status="WORKING"),
], first_kept)


def only_those_with_an_id(test, page, api):
    test.assertEqual(page.value("hypersender_invalid_instances"), len(api.instances) - 2)
    test.assertEqual({s.labels["instance_id"] for s in page.all("hypersender_instance_up")},
                     {instance(n)["id"] for n in (0, 1, 7, 8, 9, 10)})
    test.assertEqual(page.value("hypersender_instances", status="UNKNOWN"), 4)
    for number in (7, 8, 9, 10):
        test.assertEqual(page.value("hypersender_instance_up", instance_id=instance(number)["id"]), 0)


def all_unknown(test, page, api):
    test.assertEqual(page.value("hypersender_invalid_instances"), len(api.instances))
    test.assertEqual(page.value("hypersender_instances", status="UNKNOWN"), len(api.instances))


list_case("statuses_missing_throughout", [instance(0, status=None), instance(1, status=...)], all_unknown)


list_case("unreadable_elements", [
    instance(0), instance(2, id=None), instance(3, id=3), instance(4, id=""), instance(5, id=...), instance(6, id=["a"]),
    instance(7, status=None), instance(8, status=1), instance(9, status=...), instance(10, status={}), None, 1, "a", [], {}, True, instance(1),
], only_those_with_an_id)


def both_there(test, page, api):
    for each in api.instances:
        test.assertEqual(page.value("hypersender_instance_up", instance_id=each["id"]), float(each["status"] == "WORKING"))
    test.assertEqual(page.value("hypersender_invalid_instances"), 0)


list_case("fields_missing_or_mistyped", [
    instance(0, name=None), instance(1, name=...), instance(2, name=5), instance(3, phone=None), instance(4, phone=20),
    instance(5, service_type=...), instance(6, service_type=None), instance(7, access_token=...), instance(8, access_token=1),
    instance(9, created_at=...), instance(10, created_at=None), instance(11, created_at=1748254365), instance(12, created_at=""),
], both_there)


def lone_surrogate(test, page, api):
    # Either reading is honest: the document is not one, or the name has a replacement character.
    test.assertIn(page.value("hypersender_up"), (0, 1))


body_case("lone_surrogate", GOOD.replace(b"Instance 0", b"Instance \\ud800"), "decode none", judge=lone_surrogate)
body_case("deep_in_an_unknown_field", GOOD.replace(b'"name"', b'"new":' + b"[" * 100_000 + b"]" * 100_000 + b',"name"'),
          "decode none", judge=lone_surrogate)
body_case("a_key_twice", GOOD.replace(b'"name"', b'"status":"WORKING","name"'), "decode none", judge=lone_surrogate)

UNKNOWN = ["BANNED", "working", "Working", " WORKING", "", "UNKNOWN", "🙂", 'x"} 1\n', "Y" * 1_000_000, f"99|{ACCESS_MARK}status"]


def unknown_counted(test, page, api):
    expected = sum(i["status"] not in STATUSES for i in api.instances)
    test.assertEqual(page.value("hypersender_instances", status="UNKNOWN"), expected)
    test.assertGreaterEqual(page.value("hypersender_unknown_statuses_total"), expected)
    for each in api.instances:
        status = each["status"] if each["status"] in STATUSES else "UNKNOWN"
        test.assertEqual(page.value("hypersender_instance_status", instance_id=each["id"], status=status), 1)
        test.assertEqual(page.value("hypersender_instance_up", instance_id=each["id"]), float(status == "WORKING"))


list_case("unknown_statuses", [instance(n, status=status) for n, status in enumerate([*UNKNOWN, "WORKING"])], unknown_counted)

# Texts of `created_at`, and the time that each means, in seconds; None where it means none.
TIMESTAMPS = {
    "2025-05-26T10:12:45": 1748254365,
    "2025-01-21 18:41:43": 1737484903,
    "2020-02-18T07:42:08.000000Z": 1582011728,
    "2020-02-18T07:42:08Z": 1582011728,
    "2020-02-18T07:42:08+00:00": 1582011728,
    "2020-02-18T09:42:08+02:00": 1582011728,
    "2020-02-18T02:12:08-05:30": 1582011728,
    "2024-02-29T23:59:59": 1709251199,
    "2000-01-01T00:00:00": 946684800,
    "1970-01-01T00:00:00": 0,
    "2025-02-29T00:00:00": None,
    "2025-13-01T00:00:00": None,
    "2025-00-10T00:00:00": None,
    "2025-04-31T00:00:00": None,
    "2025-05-26T25:00:00": None,
    "0000-00-00 00:00:00": None,
    "yesterday": None,
    "": None,
    "2025-05-26T10:12:45garbage": None,
    "x2025-05-26T10:12:45": None,
    "9" * 1000: None,
}


def times_read(test, page, api):
    for each in api.instances:
        expected = TIMESTAMPS[each["created_at"]]
        test.assertEqual(page.value("hypersender_instance_created_timestamp_seconds", instance_id=each["id"]), expected,
                         each["created_at"])


list_case("timestamps", [instance(n, created_at=text) for n, text in enumerate(TIMESTAMPS)], times_read)
