"""Poise trains generative adversarial networks and says by name what goes wrong while it goes wrong."""

__version__ = "0.1.0"
