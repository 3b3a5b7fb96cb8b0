"""A page on this machine that follows a file: it is made anew when the file is saved, and shows what is wrong with it.

Only the loopback address is served, and only under its own names: a page of another origin whose name resolves to it
(DNS rebinding) is refused.
"""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

HOST = "127.0.0.1"

NAMES = ("127.0.0.1", "localhost")

LIVE = """
(async () => {
  const version = async () => (await fetch("/version", { cache: "no-store" })).text();
  const first = await version();
  const at = sessionStorage.getItem("scroll");
  if (at) scrollTo(0, +at);
  for (;;) {
    await new Promise(done => setTimeout(done, 400));
    try {
      if ((await version()) !== first) { sessionStorage.setItem("scroll", scrollY); location.reload(); return; }
    } catch { /* the server has ended, or is busy: it is asked again */ }
  }
})();
"""
"""Asks for the version of the file, and loads the page anew when it has changed."""


class Live:
    """The page of a file, made once per version. `version`: a text that changes with the file; `make`: the page."""

    def __init__(self, version: Callable[[], str], make: Callable[[], str]) -> None:
        self.version, self.make = version, make
        self.lock = Lock()
        self.made: tuple[str, str] | None = None

    def page(self) -> str:
        with self.lock:
            version = self.version()
            if self.made is None or self.made[0] != version:
                self.made = version, self.make()
            return self.made[1]


def server_of(live: Live, port: int) -> ThreadingHTTPServer:
    """A server of a page; port 0 takes any that is free."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = self.headers.get("Host", "")
            if host.partition(":")[0] not in NAMES:
                self.answer(421, "text/plain", f"this page is served as {HOST} only\n")
            elif self.path == "/version":
                self.answer(200, "text/plain", live.version())
            elif self.path == "/":
                self.answer(200, "text/html", live.page())
            else:
                self.answer(404, "text/plain", "there is only one page, /\n")

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
