"""Images from images on OpenMoji at 32x32: line art to colour, from pairs and without.

    python -m benchmarks.translation DATA [--only pairs domains throughput] [--seed 0]
                                     [--runs runs/translation] [--page docs/benchmarks/translation.md]

DATA holds the folders `line/` and `color/` with the same file names. A fifth of the pairs is held out, and
all figures are of these. Runs are kept by the digest of their recipe: what was cut off goes on, what is
trained is not trained again. The results lie as JSON beside the page, which is written anew from all parts
and seeds that were ever measured.

- pairs: the recipe `pix2pix` with a small U-Net, and the same U-Net trained with L1 alone for as many images.
  Against them stand colourings that learn no more than one colour: the line art as it is; every enclosed area
  (what is lighter than mid-grey and not joined to the border) filled with the mean or the median of what the
  training targets have there; all but the lines filled with a mean; the mean everywhere. Two bounds stand
  beside them: what the nearest training line arts have in their enclosed areas, and each image's own median
  colour, which only the target tells.
  Both outputs mixed are measured on the half of the held-out images that had no part in choosing the share.
- domains: the recipe `cyclegan`, which is never told which line art belongs to which colour; that is kept as
  the yardstick, in both directions: from lines to colour, where many answers are right, and from colour to
  lines, where one is. The identity is the image as it is. The generators are U-Nets, chosen on the first
  10,000 images of a run of seed 1.
- throughput: steps of both recipes as `poise train` makes them, beside careful loops on the same networks
  with the same augmentation, in one process and in turn; `cyclegan` with its paper's residual generators.

L1 is the mean absolute difference in [-1, 1], with a 95 % interval over held-out images by 1,000 bootstraps.
The Fréchet distance is taken in features of random convolutions; its floor is that of as many
training targets.
"""
