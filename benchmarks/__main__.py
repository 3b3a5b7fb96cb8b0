"""Runs all benchmarks, one after another."""

from benchmarks import closed_forms, growth, memory, startup, sweeps

if __name__ == "__main__":
    startup.main()
    growth.main()
    closed_forms.main()
    memory.main()
    sweeps.main()
