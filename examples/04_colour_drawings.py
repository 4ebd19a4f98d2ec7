"""Learn to colour drawings from pairs, and colour new ones: circles are blue, squares are orange.

python examples/04_colour_drawings.py [--steps 1000] [--out runs/example-colour]
"""

import argparse

import numpy as np
from PIL import Image, ImageDraw

import poise
from poise.data import to_pillow

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=1000)
parser.add_argument("--out", default="runs/example-colour")
arguments = parser.parse_args()


def drawings(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Outlines, `(N, 32, 32)`, and the same filled, `(N, 32, 32, 3)`."""
    stream = np.random.default_rng(seed)
    lines, colours = [], []
    for number in range(count):
        left, top, side = (int(value) for value in stream.integers([2, 2, 10], [12, 12, 18]))
        fill = ("cornflowerblue", "orange")[number % 2]
        for images, inside in ((lines, "white"), (colours, fill)):
            image = Image.new("RGB", (32, 32), "white")
            draw = ImageDraw.Draw(image)
            shape = draw.ellipse if number % 2 == 0 else draw.rectangle
            shape((left, top, left + side, top + side), fill=inside, outline="black")
            images.append(np.asarray(image))
    return np.stack(lines)[..., 0], np.stack(colours)


small = {"generator.width": 12, "discriminator.width": 12, "optimisers.generator.learning_rate": 1e-3}
pairs = poise.Pairs(*drawings(400, seed=0))
run = poise.train(pairs, steps=arguments.steps, out=arguments.out, **small)

line, colour = drawings(16, seed=1)
made = run.translate(line)
pixels = ((made + 1) * 127.5).round().astype(np.uint8)
to_pillow(pixels).save(run.path / "coloured.png")
error = np.abs(pixels.transpose(0, 2, 3, 1).astype(float) - colour).mean()
print(f"{run}: new drawings are {error:.1f} of 255 off; see {run.path / 'coloured.png'}")
