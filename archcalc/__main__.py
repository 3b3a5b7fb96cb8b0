"""`python -m archcalc`, and the command `archcalc`: an interrupt while modules are read ends it, too."""

try:
    from archcalc.command import main
except KeyboardInterrupt:
    raise SystemExit(130) from None

if __name__ == "__main__":
    main()
