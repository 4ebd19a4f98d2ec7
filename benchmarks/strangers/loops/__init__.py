"""One file a style: `loop(fault, seed, data, **settings)` yields what there is after each step."""
