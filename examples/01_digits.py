"""Learn handwritten digits, then look at what the run left.

python examples/01_digits.py [--steps 3000] [--out runs/example-digits]
"""

import argparse

import poise

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=3000)
parser.add_argument("--out", default="runs/example-digits")
arguments = parser.parse_args()

run = poise.train("digits", steps=arguments.steps, out=arguments.out)
last = run.history[-1]
print(f"{last['images_seen']} images seen, generator loss {last['generator_loss']:.2f}")

grid = run.generator.grid(64, seed=1)
grid.save(run.path / "grid.png")
print(f"a grid of 64 digits: {run.path / 'grid.png'}, the report: {run.path / 'report.html'}")
