"""Runs all benchmarks, one after another."""

from benchmarks import closed_forms, growth, memory, ratios, sweeps

if __name__ == "__main__":
    ratios.main()
    growth.main()
    closed_forms.main()
    memory.main()
    sweeps.main()
