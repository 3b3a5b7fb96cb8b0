"""Every benchmark, one after the other."""

from benchmarks import growth, startup

if __name__ == "__main__":
    startup.main()
    growth.main()
