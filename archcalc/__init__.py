"""archcalc: the calculator for neural-network architectures."""
