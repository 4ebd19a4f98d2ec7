"""Images to tags: a tag is made from a latent and what is seen of an image; each latent may name another."""

from __future__ import annotations

from poise.tasks import conditional
from poise.tasks.tagging import tagged
from poise.tasks.task import Task

IMAGE_TAGGING = Task(
    name="image-tagging",
    summary="The generator names a tag of an image, another for each latent; the discriminator knows both.",
    source="Mirza and Osindero 2014, section 4.2",
    needs="labels",
    prepare=tagged,
    generators=conditional.CONDITIONAL.generators,
    discriminators=conditional.CONDITIONAL.discriminators,
    choose=conditional.CONDITIONAL.choose,
    generator=conditional.generator,
    discriminator=conditional.discriminator,
    networks=conditional.CONDITIONAL.networks,
    game=conditional.game,
)
