"""The roof: command line, demo, evaluation and benchmarks; the only code that imports every package."""
