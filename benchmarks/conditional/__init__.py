"""Games with conditions, measured: `python -m benchmarks.conditional`."""
