"""Sample folders: generated text and example pictures of one step, always whole."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dltui.errors import StoreError
from dltui.runs.atomic import TEMPORARY
from dltui.runs.checkpoints import checkpoints, remove_whole, step_folder
from dltui.runs.clean import clean_json

KEEP_EXAMPLES = 5
KEEP_TEXT = 200
_MAX_JSON_BYTES = 64 * 2**20


def publish_samples(
    folder: Path,
    step: int,
    write: Callable[[Path], None],
    *,
    keep_examples: int = KEEP_EXAMPLES,
    keep_text: int = KEEP_TEXT,
) -> Path:
    """Makes `folder/step_<step>` of what `write(empty folder)` puts there.

    `folder` is the run's `samples/`. A second call for a step adds its files, the JSON last. The
    newest `keep_examples` folders with `examples.json` stay, and the newest `keep_text` others.
    Raises StoreError if the disk is full.
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
    _prune(folder, keep_examples, keep_text)
    return final


def sample_folders(folder: Path, kind: str) -> list[Path]:
    """Folders that hold `<kind>.json` (`text` or `examples`), oldest first."""
    return [path for path in checkpoints(folder) if (path / f"{kind}.json").is_file()]


def read_samples(folder: Path, kind: str) -> dict[str, Any] | None:
    """The `<kind>.json` of one step's folder, texts made printable; None once it was pruned.

    Raises StoreError if the file is damaged.
    """
    path = folder / f"{kind}.json"
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
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


def _prune(folder: Path, keep_examples: int, keep_text: int) -> None:
    with_examples = sample_folders(folder, "examples")
    others = [path for path in checkpoints(folder) if path not in set(with_examples)]
    for path in with_examples[: -keep_examples or None] + others[: -keep_text or None]:
        if (path / "text.json").is_file() and path in with_examples:
            _drop_examples(path)
        else:
            remove_whole(path)


def _drop_examples(path: Path) -> None:
    """Keeps the text of a step whose pictures are too old."""
    (path / "examples.json").unlink(missing_ok=True)
    for other in path.iterdir():
        if other.name != "text.json":
            other.unlink(missing_ok=True)
