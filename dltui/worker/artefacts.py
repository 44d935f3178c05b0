"""What an evaluation leaves in the run: arrays, examples as pictures, sampled text."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dltui.errors import StoreError
from dltui.runs import publish_files
from dltui.runs.sheets import pair_files, picture_files
from dltui.worker.data.example import png_bytes

if TYPE_CHECKING:
    import numpy as np

    from dltui.worker.data import Data
    from dltui.worker.record import RunRecord

_SHARE_OF_TIME = 0.02


class ExamplePace:
    """Examples are written where that takes at most 2 % of the time since the last ones."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._cost_s = 0.0
        self._last_s: float | None = None

    def allows(self) -> bool:
        """Whether an evaluation that begins now may leave examples."""
        if self._last_s is None:
            return True
        return self._cost_s <= _SHARE_OF_TIME * (self.clock() - self._last_s)

    def took(self, cost_s: float) -> None:
        """All examples of an evaluation together have taken `cost_s` so far."""
        self._cost_s = cost_s
        self._last_s = self.clock()


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
        self._is_time = last or pace.allows()
        self._cost_s = 0.0
        self.has_pictures = False

    def arrays(self, group: str, arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> None:
        """One frame of `arrays/<group>.log` at this step."""
        self.record.arrays(group, self.step, arrays, meta)

    def if_time(self, leave: Callable[[], None]) -> None:
        """Calls `leave`, which looks at examples once more, in one evaluation of a few.

        Which ones is decided as they begin, by what all such calls of an earlier one took; the
        last evaluation always is one.
        """
        if not self._is_time:
            return
        began_s = self._pace.clock()
        leave()
        self._cost_s += self._pace.clock() - began_s
        self._pace.took(self._cost_s)

    def examples(
        self, part: str, classes: Sequence[str], chosen: Sequence[tuple[int, int, int, float]]
    ) -> None:
        """`examples.json` with a picture, a text or the values of each chosen example."""
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

    def text(self, prompt: str, temperature: float, samples: Sequence[str]) -> None:
        """`text.json` with what a language model wrote."""
        content = {
            "step": self.step,
            "prompt": prompt,
            "temperature": temperature,
            "samples": list(samples),
        }
        self._publish({"text.json": json.dumps(content, ensure_ascii=False).encode()})

    def pictures(
        self,
        title: str,
        images: Tensor,
        columns: int,
        captions: Sequence[str] = (),
        row_labels: Sequence[str] = (),
    ) -> None:
        """`pictures.json`: images `(N, C, H, W)` in 0 to 1 or uint8, `columns` a row."""
        self.has_pictures = True
        told = [*captions, *[""] * (len(images) - len(captions))]
        sheet = [
            (png_bytes(image), caption) for image, caption in zip(images.cpu(), told, strict=True)
        ]
        self._publish(
            picture_files(self.step, title, sheet, columns=columns, row_labels=row_labels)
        )

    def pairs(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        good: Sequence[bool],
    ) -> None:
        """`pairs.json`: texts side by side, such as source, truth and output, and which fit."""
        self._publish(pair_files(self.step, title, rows, good, columns=columns))

    def series(
        self,
        title: str,
        names: Sequence[str],
        time: Tensor,
        truth: Tensor,
        prediction: Tensor,
        interval: tuple[Tensor, Tensor] | None = None,
        time_label: str = "time",
    ) -> None:
        """Truth and prediction `(K, T)` of K series over `time` `(T,)`; NaN where there is none."""
        tensors = {"time": time, "truth": truth, "prediction": prediction}
        if interval is not None:
            tensors |= {"low": interval[0], "high": interval[1]}
        meta = {"title": title, "names": list(names), "time_label": time_label}
        self.arrays("series", _as_arrays(tensors), meta)

    def scatter(
        self,
        title: str,
        points: Tensor,
        labels: Tensor,
        classes: Sequence[str],
        axes: tuple[str, str] = ("x", "y"),
    ) -> None:
        """Points `(N, 2)` of the classes `labels` `(N,)`, such as a map of the latent space."""
        tensors = {"x": points[:, 0], "y": points[:, 1], "label": labels}
        meta = {"title": title, "classes": list(classes), "x_label": axes[0], "y_label": axes[1]}
        self.arrays("scatter", _as_arrays(tensors), meta)

    def _publish(self, files: Mapping[str, bytes]) -> None:
        try:
            publish_files(self.record.folder.samples, self.step, files)
        except StoreError as error:
            self.record.trouble("samples", str(error))
        else:
            self.record.trouble("samples", None)


def _as_arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {
        name: (tensor.float() if tensor.is_floating_point() else tensor).cpu().numpy()
        for name, tensor in tensors.items()
    }
