"""What the watch screen shows of a run at one moment: frozen records, made by the feed.

A part that did not change is the same object as in the snapshot before, so a pane compares by
identity and a run where nothing happens draws nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dltui.runs.status import epoch_text

if TYPE_CHECKING:
    import numpy as np

    from dltui.runs.sheets import PictureSheet, TextPairs

Outcome = Literal["pictures", "series", "text", "pairs", "latent", "confusion", "predictions"]
OUTCOMES: tuple[Outcome, ...] = (
    "pictures",
    "series",
    "text",
    "pairs",
    "latent",
    "confusion",
    "predictions",
)
"""What an evaluation may leave to look at; the first that a run has is shown first."""
Kind = Literal["weights", "gradients", "activations"]
KINDS: tuple[Kind, ...] = ("weights", "gradients", "activations")
LIVE_STATES = ("queued", "starting", "running", "paused", "stopping")


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One metric: `steps`, `times` (unix seconds) and `values`, each float64 (N,).

    Long curves are thinned to the smallest and largest value of each bucket; `measured` is the
    number of points before.
    """

    steps: np.ndarray
    times: np.ndarray
    values: np.ndarray
    measured: int

    @property
    def last(self) -> float:
        """The newest value; NaN where there is none."""
        return float(self.values[-1]) if len(self.values) else float("nan")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the run is; zeros and NaN where it is not known yet."""

    epoch: float = 0.0
    epochs: float = 0.0
    step: int = 0
    steps: int = 0
    steps_per_epoch: int = 0
    samples_per_step: int = 0
    elapsed_s: float = float("nan")
    remaining_s: float = float("nan")
    samples_per_s: float = float("nan")
    device: str = ""
    temperature_c: float = float("nan")

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return min(1.0, self.step / self.steps) if self.steps > 0 else 0.0

    @property
    def epoch_text(self) -> str:
        """`4.3/20`: passes done and to do, as in every list of runs."""
        return epoch_text(self.epoch, self.epochs)


@dataclass(frozen=True, slots=True)
class MarkAt:
    """Something that happened at a step: learning_rate, checkpoint, pause, resume or nan."""

    step: float
    time: float
    kind: str
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class LayerReading:
    """The newest figures of a layer; NaN where not measured. `trend` are its recent norms."""

    name: str
    gradient_norm: float
    weight_norm: float
    update_ratio: float
    dead_share: float
    nonfinite: int
    trend: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Ridge:
    """Histograms of one tensor over time: `counts` (T, BUCKETS), oldest first."""

    kind: Kind
    name: str
    names: tuple[str, ...]
    steps: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class ConfusionAt:
    """The confusion matrix of evaluation `index` of `steps`; rows are the truth."""

    steps: tuple[int, ...]
    index: int
    matrix: np.ndarray
    classes: tuple[str, ...]
    part: str


@dataclass(frozen=True, slots=True, eq=False)
class PredictionsAt:
    """Truth and prediction, each (n, targets), at evaluation `index` of `steps`."""

    steps: tuple[int, ...]
    index: int
    truth: np.ndarray
    prediction: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class TextAt:
    """Sampled text at `index` of `steps`."""

    steps: tuple[int, ...]
    index: int
    prompt: str
    temperature: float
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PicturesAt:
    """A sheet of pictures at `index` of `steps`; `pngs` are their files, None once pruned."""

    steps: tuple[int, ...]
    index: int
    sheet: PictureSheet
    pngs: tuple[bytes | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PairsAt:
    """Source, truth and output as texts at `index` of `steps`."""

    steps: tuple[int, ...]
    index: int
    pairs: TextPairs


@dataclass(frozen=True, slots=True, eq=False)
class SeriesAt:
    """Forecasts at `index` of `steps`: `time` (T,), all others (K, T), NaN where unknown."""

    steps: tuple[int, ...]
    index: int
    title: str
    names: tuple[str, ...]
    time_label: str
    time: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None


@dataclass(frozen=True, slots=True, eq=False)
class LatentAt:
    """A map of examples at `index` of `steps`: `x`, `y` and `label`, each (N,)."""

    steps: tuple[int, ...]
    index: int
    title: str
    classes: tuple[str, ...]
    x_label: str
    y_label: str
    x: np.ndarray
    y: np.ndarray
    label: np.ndarray


@dataclass(frozen=True, slots=True)
class Example:
    """One validation example of the sample `folder`; `image` is a PNG file in it."""

    folder: Path
    index: int
    truth: str
    prediction: str
    confidence: float
    image: Path | None
    text: str | None
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LogLine:
    """An event of the run; `level` is info, warning or error."""

    time: float
    step: int | None
    kind: str
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the panes look at; the feed reads these parts only. `None` is the newest."""

    kind: Kind = "weights"
    layer: str | None = None
    moment: int | None = None
    """The step that is looked back to; each part shows its newest at or before it."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A run at one moment."""

    folder: Path
    name: str
    state: str
    reason: str = ""
    progress: Progress = Progress()
    task: str | None = None
    recipe_text: str = ""
    curves: Mapping[str, Curve] = field(default_factory=dict)
    marks: tuple[MarkAt, ...] = ()
    layers: tuple[LayerReading, ...] = ()
    ridge: Ridge | None = None
    confusion: ConfusionAt | None = None
    predictions: PredictionsAt | None = None
    text: TextAt | None = None
    pictures: PicturesAt | None = None
    pairs: PairsAt | None = None
    series: SeriesAt | None = None
    latent: LatentAt | None = None
    settable: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    schedule: Curve | None = None
    log: tuple[LogLine, ...] = ()
    findings: tuple[Any, ...] = ()
    worker_log: tuple[str, ...] = ()
    trouble: str | None = None

    @property
    def live(self) -> bool:
        """Whether a worker is at work on the run."""
        return self.state in LIVE_STATES

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What there is to look at of an evaluation, in the order of `OUTCOMES`."""
        return tuple(kind for kind in OUTCOMES if getattr(self, kind) is not None)

    def last(self, metric: str) -> float:
        """The newest value of a metric; NaN where there is none."""
        curve = self.curves.get(metric)
        return curve.last if curve is not None else float("nan")
