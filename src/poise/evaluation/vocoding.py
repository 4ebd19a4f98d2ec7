"""A vocoder measured on the recordings that its run held out, beside Griffin-Lim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poise.errors import PoiseError
from poise.evaluation.subjects import rows_of
from poise.generator.run_data import data_of_run
from poise.generator.vocoding import vocoder_of, waves_of_mels
from poise.metrics import METRICS
from poise.metrics.table import default_metrics

if TYPE_CHECKING:
    from poise.evaluation.measuring import Asked
    from poise.evaluation.recording import Evaluation


def evaluate_vocoder(asked: Asked) -> Evaluation:
    """Measure what a vocoder makes of the mel spectrograms of the recordings that its run held out.

    Raises:
        PoiseError: None are held out, or a metric is of something else.
    """
    subject, generator, suiting = asked.subject, asked.subject.generator, default_metrics("vocoder")
    assert generator is not None and subject.run is not None
    for name in asked.metrics:
        if name not in suiting:
            raise PoiseError(
                f"The metric '{name}' does not measure a vocoder",
                code="evaluation.not-for-vocoders",
                hint=f"choose {' and '.join(suiting)}",
            )
    asked.tell("making waves of what was held out")
    data = data_of_run(subject.run, progress=asked.progress)
    held_out = data.rows.held_out
    if len(held_out) < 2:
        raise PoiseError(
            f"'{subject.name}' held no recordings out to be measured on",
            code="evaluation.none-held-out",
            hint="train with --set held_out=0.1",
        )
    rows = held_out[rows_of(len(held_out), asked.most, asked.seed)]
    mel, wanted = vocoder_of(generator), data.encoded(rows)[:, 0].float()
    spectrograms = mel(wanted)
    given = waves_of_mels(generator, spectrograms), wanted, mel.waves(spectrograms), mel
    results = [METRICS[name].measure(*given) for name in asked.metrics or suiting]
    return asked.evaluation(f"the held-out recordings of {asked.reference.name}", results)
