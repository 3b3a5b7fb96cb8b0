"""Speed, measured on request and never tested: `make bench`. Each figure is a median; compare them within one run."""
