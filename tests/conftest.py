"""One thread for every test: the bits of a run depend on it, and forks need it."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

torch.set_num_threads(1)
