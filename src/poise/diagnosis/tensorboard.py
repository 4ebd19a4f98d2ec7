"""What a monitor measures and finds, for TensorBoard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poise.diagnosis.finding import Finding, Measurement
from poise.diagnosis.monitor import Monitor

LEVELS = {"info": 0, "watch": 1, "trouble": 2}


def to_tensorboard(monitor: Monitor, writer: Any) -> None:
    """Let a monitor write every measurement as scalars, and every change of a finding as a scalar and a text.

    Example:
        >>> class Writer:
        ...     def add_scalar(self, name, value, step): print(name, value, step)
        ...     def add_text(self, name, text, step): print(name, text)
        >>> monitor = Monitor(every=1)
        >>> to_tensorboard(monitor, Writer())
        >>> monitor.observe(0, loss_generator=0.5)
        doctor/generator_loss 0.5 0
    """

    def write(measurement: Measurement, changed: Sequence[Finding]) -> None:
        for name, value in measurement.to_json().items():
            if isinstance(value, float) and name != "step":
                writer.add_scalar(f"doctor/{name}", value, measurement.step)
        for finding in changed:
            level = LEVELS[finding.severity] if finding.status == "open" else 0
            writer.add_scalar(f"findings/{finding.name}", level, measurement.step)
            writer.add_text(f"findings/{finding.name}", str(finding), measurement.step)

    monitor.listen(write)
