"""`python -m archcalc`, and the command `archcalc`: an earlier answer, if it still holds, or else a run of the program.

An interrupt while modules are read ends it, too.
"""

import sys

from archcalc.core.answers import Said, asked_for


def main() -> None:
    try:
        asked = asked_for(sys.argv[1:])
        found = asked.again() if asked else None
        if asked and found:
            sys.exit(given(*found))
        from archcalc.command import main as program  # lazy: four times the start of Python; an answer needs none of it
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    program(asked=asked)


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


if __name__ == "__main__":
    main()
