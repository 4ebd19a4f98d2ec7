"""What a monitor writes for TensorBoard, and that a log of it is read again."""

from __future__ import annotations

from poise.diagnosis import Monitor
from poise.diagnosis.logs import readings_of
from poise.diagnosis.tensorboard import to_tensorboard


class Writer:
    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.texts: list[tuple[str, str]] = []

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.rows.append({"step": float(step), name: float(value)})

    def add_text(self, name: str, text: str, step: int) -> None:
        self.texts.append((name, text))


def test_measurements_and_findings_are_written_and_read_again() -> None:
    writer, monitor = Writer(), Monitor(every=1)
    to_tensorboard(monitor, writer)
    for step in range(12):
        loss = 0.5 + step / 10 if step < 11 else float("nan")
        monitor.observe(step, loss_generator=loss, loss_discriminator=1.0)
    assert [name for name, _ in writer.texts] == ["findings/non-finite"]
    assert {"step": 11.0, "findings/non-finite": 2.0} in writer.rows
    (readings,) = readings_of(writer.rows)
    assert readings.columns == {
        "step": "step", "discriminator_loss": "doctor/discriminator_loss",
        "generator_loss": "doctor/generator_loss",
    }  # fmt: skip
