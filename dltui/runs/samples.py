"""Sample folders: text, examples, pictures and pairs of one step, always whole.

```
samples/step_00001200/text.json                    generated text
                      examples.json  00017.png …   examples behind a confusion matrix
                      pictures.json  p000.png …    reconstructions, sample grids, boxes, masks
                      pairs.json                   source, truth and output as text
```
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from dltui.errors import StoreError
from dltui.runs.atomic import TEMPORARY
from dltui.runs.checkpoints import checkpoints, step_folder
from dltui.runs.clean import clean_json
from dltui.runs.retention import MAX_JSON_BYTES, newest, prune_samples, spread_evenly

Kind = Literal["text", "examples", "pictures", "pairs"]
KEEP_EXAMPLES = 5
KEEP_TEXT = 200
KEEP_SPREAD = 64


def publish_samples(
    folder: Path,
    step: int,
    write: Callable[[Path], None],
    *,
    keep_examples: int = KEEP_EXAMPLES,
    keep_text: int = KEEP_TEXT,
    keep_spread: int = KEEP_SPREAD,
) -> Path:
    """Makes `folder/step_<step>` of what `write(empty folder)` puts there.

    `folder` is the run's `samples/`. A second call for a step adds its files, the JSON last, so
    that a step may hold several kinds. The newest `keep_examples` steps with `examples.json` stay,
    the newest `keep_text` with text, and of `pictures.json` and `pairs.json` `keep_spread` steps
    spread evenly over the run, the first and the last always. Raises StoreError if the disk is
    full.
    """
    final = folder / step_folder(step)
    temporary = folder / f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.mkdir(mode=0o700)
        write(temporary)
        if final.is_dir():
            for path in sorted(temporary.iterdir(), key=lambda path: path.suffix == ".json"):
                os.replace(path, final / path.name)
        else:
            temporary.rename(final)
    except OSError as error:
        raise StoreError(
            f"cannot save samples: {error.strerror or error}",
            where=str(final),
            remedy="free some space; training is not affected",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    keeps = {
        "examples": newest(keep_examples),
        "text": newest(keep_text),
        "pictures": spread_evenly(keep_spread),
        "pairs": spread_evenly(keep_spread),
    }
    prune_samples(folder, keeps, newest(keep_text))
    return final


def publish_files(folder: Path, step: int, files: Mapping[str, bytes]) -> Path:
    """`publish_samples` of files by name, as `picture_files` and `pair_files` make them."""

    def write(empty: Path) -> None:
        for name, content in files.items():
            (empty / name).write_bytes(content)

    return publish_samples(folder, step, write)


def sample_folders(folder: Path, kind: str) -> list[Path]:
    """Folders that hold `<kind>.json` (one of `Kind`), oldest first."""
    return [path for path in checkpoints(folder) if (path / f"{kind}.json").is_file()]


def read_samples(folder: Path, kind: str) -> dict[str, Any] | None:
    """The `<kind>.json` of one step's folder, texts made printable; None once it was pruned.

    Raises StoreError if the file is damaged.
    """
    path = folder / f"{kind}.json"
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise ValueError("it is larger than 64 MiB")
        plain = json.loads(path.read_bytes())
        if not isinstance(plain, dict):
            raise ValueError("it is not a map")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"cannot read samples: {error}", where=str(path)) from error
    cleaned: dict[str, Any] = clean_json(plain)
    return cleaned
