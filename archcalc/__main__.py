"""`python -m archcalc`, and the command `archcalc`: an earlier answer, if it still holds, or else a run of the program.

An interrupt while modules are read ends it, too.
"""

import atexit
import gc
import os
import sys

from archcalc.core.answers import Said, asked_for


def main() -> None:
    gc.disable()  # the process is short-lived and keeps its objects: collection would only cost time
    try:
        asked = asked_for(sys.argv[1:])
        found = asked.again() if asked else None
        if asked and found:
            leave(given(*found))
        from archcalc.core.modules import find_quickly  # lazy: an answer needs none of the modules that follow

        find_quickly()
        from archcalc.command import main as program  # lazy: four times the start of Python
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    leave(program(asked=asked))


def given(code: int, said: list[Said]) -> int:
    """Prints an earlier answer; returns its exit code."""
    try:
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
        for stream, text in said:
            getattr(sys, stream).write(text)
        sys.stdout.flush()
    except OSError as error:
        from archcalc.command import lost  # lazy: as above

        return lost(error)
    return code


def leave(code: int) -> None:
    """Ends the process: at once, unless something is left to run. Taking apart what it has made would cost a
    report a tenth."""
    threading = sys.modules.get("threading")
    try:
        if not atexit._ncallbacks() and (threading is None or threading.active_count() == 1):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    except (AttributeError, OSError, ValueError):
        pass  # a stream is closed, or cannot be written: Python says so
    sys.exit(code)


if __name__ == "__main__":
    main()
