"""Images from images on OpenMoji at 32x32: line art to colour, from pairs and without.

    python -m benchmarks.translation DATA [--only pairs domains throughput] [--page PAGE]

DATA holds the folders `line/` and `color/` with the same file names. A fifth of the pairs is held out, and
all figures are of these.

- pairs: the recipe `pix2pix` with a small U-Net, and the same U-Net trained with L1 alone for as many images.
  Against them stand three colourings that learn no more than a colour: the line art as it is, and every
  enclosed area (what is lighter than mid-grey and not joined to the border) filled with one colour, the mean
  or the median of what the training targets have there.
- domains: the recipe `cyclegan`, which is never told which line art belongs to which colour; that is kept as
  the yardstick. The identity is the line art as it is.
- throughput: steps of both recipes as `poise train` makes them, beside careful loops on the same networks, in
  one process and in turn.

L1 is the mean absolute difference in [-1, 1], with a 95 % interval over held-out images by 1,000 bootstraps.
The Fréchet distance is taken in features of random convolutions; its floor is that of as many
training targets.
"""
