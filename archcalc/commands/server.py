"""`archcalc server`: the language server, for editors."""

import gc
import sys

from archcalc.editor.server import Server
from archcalc.usage.declared import called

EXAMPLES = (
    "archcalc server",
    "archcalc server --help",
)


@called("server", EXAMPLES)
def command() -> int:
    """Run the language server, which editors start. It reads standard input and writes standard output.

    While a spec is typed, it reports errors and the findings of rules, shows the numbers of layers, completes layers,
    arguments and names, goes to definitions, lays out the text and applies safe fixes.
    """
    gc.enable()  # a session is long
    gc.freeze()
    return Server(sys.stdin.buffer, sys.stdout.buffer).serve()
