"""A page on this machine that follows a file: it is made anew when the file is saved, and shows what is wrong with it.

Only the loopback address is served, and only under its own names: a page of another origin whose name resolves to it
(DNS rebinding) is refused.
"""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any
from urllib.parse import unquote

from archcalc.pages.page import part

HOST = "127.0.0.1"

NAMES = ("127.0.0.1", "localhost")


def script(version: str) -> str:
    """Offers the variants, asks for the version of the file, and loads the page anew when it is not `version`."""
    return f"\nconst MADE_OF = {json.dumps(version)};\n{part('live.js')}"


class Live:
    """The page of a file, made once per version. `version`: a text that changes with the file; `make`: the page of a
    variant, "" of the spec as it was named, in a version."""

    def __init__(self, version: Callable[[], str], make: Callable[[str, str], str]) -> None:
        self.version, self.make = version, make
        self.lock = Lock()
        self.current = ""
        self.made: dict[str, str] = {}

    def page(self, variant: str = "") -> str:
        with self.lock:
            version = self.version()
            if self.current != version:
                self.current, self.made = version, {}
            if variant not in self.made:
                if len(self.made) >= MOST_VARIANTS:
                    self.made.clear()
                self.made[variant] = self.make(variant, version)
            return self.made[variant]


MOST_VARIANTS = 50
"""Pages that are kept."""


def server_of(live: Live, port: int) -> ThreadingHTTPServer:
    """A server of a page; port 0 takes any that is free."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = self.headers.get("Host", "")
            if host.partition(":")[0] not in NAMES:
                self.answer(421, "text/plain", f"this page is served as {HOST} only\n")
            elif self.path == "/version":
                self.answer(200, "text/plain", live.version())
            elif self.path == "/" or self.path.startswith("/@"):
                self.answer(200, "text/html", live.page(unquote(self.path[2:])))
            else:
                self.answer(404, "text/plain", "there is one page, /, and one of each variant, /@name\n")

        def answer(self, status: int, kind: str, text: str) -> None:
            body = text.encode("utf-8", "replace")
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing: the terminal belongs to the program."""

    return ThreadingHTTPServer((HOST, port), Handler)
