"""What an evaluation leaves in the run: arrays, examples as pictures, sampled text."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from dltui.errors import StoreError
from dltui.runs import publish_samples

if TYPE_CHECKING:
    import numpy as np

    from dltui.worker.data import Data
    from dltui.worker.record import RunRecord

_SHARE_OF_TIME = 0.02


class ExamplePace:
    """Examples are written where that takes at most 2 % of the time since the last ones."""

    def __init__(self) -> None:
        self._cost_s = 0.0
        self._last_s: float | None = None

    def allows(self) -> bool:
        if self._last_s is None:
            return True
        return self._cost_s <= _SHARE_OF_TIME * (time.monotonic() - self._last_s)

    def took(self, cost_s: float) -> None:
        self._cost_s = cost_s
        self._last_s = time.monotonic()


class Artefacts:
    """The writer that a task gets for one evaluation."""

    def __init__(
        self,
        record: RunRecord,
        data: Data,
        device: torch.device,
        pace: ExamplePace,
        *,
        last: bool,
    ):
        self.record = record
        self.step = record.step
        self.data = data
        self.device = device
        self._pace = pace
        self._last = last

    def arrays(self, group: str, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """One frame of `arrays/<group>.log` at this step."""
        self.record.arrays(group, self.step, arrays, meta)

    def time_for_examples(self) -> bool:
        """Whether examples may be decoded and written now; always at the last evaluation."""
        return self._last or self._pace.allows()

    def examples(
        self, part: str, classes: Sequence[str], chosen: Sequence[tuple[int, int, int, float]]
    ) -> None:
        """`examples.json` with a picture, a text or the values of each chosen example."""
        began_s = time.monotonic()
        files: dict[str, bytes] = {}
        rows = []
        for index, truth, prediction, confidence in chosen:
            example = self.data.decode_example(part, index)
            name = f"{index:05d}.png" if example.image is not None else None
            if name is not None and example.image is not None:
                files[name] = example.image
            rows.append(
                {
                    "index": index,
                    "truth": truth,
                    "prediction": prediction,
                    "confidence": round(confidence, 6),
                    "image": name,
                    "text": example.text,
                    "values": example.values,
                }
            )
        content = {"step": self.step, "part": part, "classes": list(classes), "examples": rows}
        files["examples.json"] = json.dumps(content).encode()
        self._publish(files)
        self._pace.took(time.monotonic() - began_s)

    def text(self, prompt: str, temperature: float, samples: Sequence[str]) -> None:
        """`text.json` with what a language model wrote."""
        content = {
            "step": self.step,
            "prompt": prompt,
            "temperature": temperature,
            "samples": list(samples),
        }
        self._publish({"text.json": json.dumps(content, ensure_ascii=False).encode()})

    def _publish(self, files: Mapping[str, bytes]) -> None:
        def write(folder: Path) -> None:
            for name, content in files.items():
                (folder / name).write_bytes(content)

        try:
            publish_samples(self.record.folder.samples, self.step, write)
        except StoreError as error:
            self.record.event("alarm", str(error), level="error")
