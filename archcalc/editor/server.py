"""A language server: JSON-RPC messages over two streams, one text at a time.

While messages wait, texts are only remembered. When none waits, the errors of a text that changed are published, which
takes as long as a build; a moment later, unmet expectations and the findings of rules follow.
"""

import json
import queue
import threading
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from archcalc.core.diagnostic import Diagnostic, SpecError
from archcalc.core.location import Location
from archcalc.core.version import VERSION
from archcalc.editor import features  # noqa: F401  every file in it registers itself
from archcalc.editor.feature import FEATURES
from archcalc.editor.opened import Opened
from archcalc.editor.positions import changed, column_of
from archcalc.editor.problems import all_in, errors_in, published

PAUSE = 0.2
"""Seconds without a message after which rules are run."""

UNKNOWN_METHOD, INVALID, INTERNAL, UNREADABLE = -32601, -32600, -32603, -32700

INCREMENTAL = 2
"""How editors send changes: only the parts that changed."""

MOST_BYTES = 1 << 24
"""The longest message that is read."""


class Server:
    """The state of one session. `serve` returns the exit code."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self.incoming, self.outgoing = incoming, outgoing
        self.texts: dict[str, Opened] = {}
        self.changed: dict[str, bool] = {}
        self.wrong: set[str] = set()
        self.messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.is_shut_down = False

    def serve(self) -> int:
        threading.Thread(target=self.read_all, daemon=True).start()
        while True:
            message = self.next_message()
            if message is None:
                return 0 if self.is_shut_down else 1
            if isinstance(message, dict) and message.get("method") == "exit":
                return 0 if self.is_shut_down else 1
            self.handle(message)

    # --- streams -------------------------------------------------------------------------------------------------

    def read_all(self) -> None:
        """Reads messages until `exit`, or until the stream ends; then None."""
        add = self.messages.put
        while (length := self.header()) is not None:
            try:
                message = json.loads(self.incoming.read(length))
            except ValueError:
                message = UNREADABLE
            add(message)
            if isinstance(message, dict) and message.get("method") == "exit":
                return
        add(None)

    def header(self) -> int | None:
        """The length of the next message; None at the end of the stream."""
        length = None
        while line := self.incoming.readline(1024):
            name, _, value = line.partition(b":")
            if not line.strip():
                if length is not None:
                    return length
            elif name.strip().lower() == b"content-length" and value.strip().isdigit():
                length = min(int(value), MOST_BYTES)
        return None

    def send(self, **content: Any) -> None:
        data = json.dumps({"jsonrpc": "2.0", **content}, ensure_ascii=False).encode()
        self.outgoing.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self.outgoing.flush()

    def next_message(self) -> Any:
        """The next message. While none waits, publishes the problems of what changed: errors first."""
        for is_first in (True, False):
            if self.messages.empty():
                self.publish(is_first)
            try:
                return self.messages.get(timeout=PAUSE if self.changed else None)
            except queue.Empty:
                continue
        self.publish(False)
        return self.messages.get()

    def publish(self, is_first: bool) -> None:
        """Publishes the errors of the texts that changed; and later, of those that have none, the findings.

        Findings stay until the new ones are known, so that they do not flicker while a text is typed.
        """
        for uri, is_built in [*self.changed.items()]:
            opened = self.texts[uri]
            if is_first and not is_built:
                found = errors_in(opened) if opened.is_spec else []
                self.changed[uri] = True
                if found or not opened.is_spec or uri in self.wrong:
                    self.send_problems(opened, found)
                if found or not opened.is_spec:
                    del self.changed[uri]
            elif not is_first:
                del self.changed[uri]
                self.send_problems(opened, all_in(opened))

    def send_problems(self, opened: Opened, found: Sequence[Diagnostic]) -> None:
        (self.wrong.add if any(each.severity == "error" for each in found) else self.wrong.discard)(opened.uri)
        self.send(method="textDocument/publishDiagnostics", params=published(opened, found))

    # --- messages ------------------------------------------------------------------------------------------------

    def handle(self, message: Any) -> None:
        if message == UNREADABLE or not isinstance(message, dict):
            self.send(id=None, error={"code": UNREADABLE, "message": "the message is not a JSON object"})
            return
        identity, method = message.get("id"), message.get("method")
        params = message.get("params") or {}
        try:
            result = self.answered(str(method), params)
        except SpecError:
            result = None  # the problems of the text are published
        except UnknownMethod as error:
            if identity is not None:
                self.send(id=identity, error={"code": error.code, "message": str(error)})
            return
        except Exception as error:  # a mistake here must not end the session
            self.send(id=identity, error={"code": INTERNAL, "message": f"{type(error).__name__}: {error}"})
            return
        if identity is not None and method is not None:
            self.send(id=identity, result=result)

    def answered(self, method: str, params: Mapping[str, Any]) -> Any:
        """The result of a request; None for a notification."""
        if self.is_shut_down:
            raise UnknownMethod(INVALID, "the server is shut down")
        if method in FEATURES:
            feature, uri = FEATURES[method], params["textDocument"]["uri"]
            if feature.needs_network and not self.changed.get(uri, True):
                self.publish(True)
            opened = self.texts.get(uri)
            return feature.answer(opened, params, place_of(opened, params)) if opened else None
        if method in OWN:
            return OWN[method](self, params)
        raise UnknownMethod(UNKNOWN_METHOD, f"{method} is not supported")

    def initialize(self, params: Mapping[str, Any]) -> dict[str, Any]:
        announced = {key: value for each in FEATURES.values() for key, value in each.capability.items()}
        sync = {"openClose": True, "change": INCREMENTAL}
        return {
            "capabilities": {"textDocumentSync": sync, **announced},
            "serverInfo": {"name": "archcalc", "version": VERSION},
        }

    def shutdown(self, params: Mapping[str, Any]) -> None:
        self.is_shut_down = True

    def opened(self, params: Mapping[str, Any]) -> None:
        given = params["textDocument"]
        self.remember(given["uri"], given["text"], given.get("version"))

    def edited(self, params: Mapping[str, Any]) -> None:
        given = params["textDocument"]
        text = self.texts[given["uri"]].source.text if given["uri"] in self.texts else ""
        self.remember(given["uri"], changed(text, params["contentChanges"]), given.get("version"))

    def remember(self, uri: str, text: str, version: int | None) -> None:
        self.texts[uri] = Opened(uri, text, version, self.texts.get(uri))
        self.changed[uri] = False

    def closed(self, params: Mapping[str, Any]) -> None:
        """Forgets a text, and the problems that were published of it."""
        uri = params["textDocument"]["uri"]
        self.changed.pop(uri, None)
        if opened := self.texts.pop(uri, None):
            self.send_problems(opened, [])

    def nothing(self, params: Mapping[str, Any]) -> None:
        """Notifications that need no answer."""


class UnknownMethod(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


OWN = {
    "initialize": Server.initialize,
    "initialized": Server.nothing,
    "shutdown": Server.shutdown,
    "textDocument/didOpen": Server.opened,
    "textDocument/didChange": Server.edited,
    "textDocument/didClose": Server.closed,
    "textDocument/didSave": Server.nothing,
    "$/setTrace": Server.nothing,
    "$/cancelRequest": Server.nothing,
    "workspace/didChangeConfiguration": Server.nothing,
    "workspace/didChangeWatchedFiles": Server.nothing,
}
"""The messages of the protocol itself."""


def place_of(opened: Opened, params: Mapping[str, Any]) -> Location:
    """The position of a request; the beginning of the text if it has none."""
    at = params.get("position") or {"line": 0, "character": 0}
    line = opened.source.line(at["line"])
    return Location(opened.source, at["line"], column_of(line, at["character"]))
