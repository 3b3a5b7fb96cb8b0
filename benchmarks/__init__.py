"""Speed, and memory beside other estimates, measured on request: `make bench`.

Each time is a median; compare them within one run.
"""
