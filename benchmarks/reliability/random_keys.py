"""Random keys, clicks and sizes on every screen; then the same while the files of runs break."""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

from benchmarks.reliability.rows import Plan, Row
from benchmarks.reliability.sessions import Session, World, harmless
from dltui.runs.atomic import TEMPORARY

MINUTES = 5.0
_SESSION_S = 12.0


def random_keys(plan: Plan) -> Row:
    """Sessions of twelve seconds, each on another screen, for so many minutes."""
    return _sessions("random-keys", "random keys, clicks and sizes on every screen", plan, False)


def random_garbage(plan: Plan) -> Row:
    """The same while bytes, lengths and existence of every file of the runs change at random."""
    tried = "random keys while every file of the runs turns into garbage, again and again"
    return _sessions("random-garbage", tried, plan, True)


def _sessions(name: str, tried: str, plan: Plan, spoil: bool) -> Row:
    began = time.monotonic()
    chance = random.Random(plan.seed)
    losses: list[str] = []
    sessions = keys = spoilt = 0
    world = World(plan.folder)
    spoiler = Spoiler(world, chance, plan.folder / "sound") if spoil else None
    end = time.monotonic() + 60 * (plan.minutes or MINUTES)
    try:
        with harmless(plan.folder):
            while (left := end - time.monotonic()) > 1:
                session = Session(world, chance, spoiler)
                broke = session.run(min(_SESSION_S, left))
                sessions += 1
                keys += len(session.pressed)
                losses += [f"session {sessions}: {broke}"] if broke else []
                if spoiler is not None:
                    spoilt += spoiler.restore()
    finally:
        world.close()
    notes = f"{keys:,} keys" + (f", {spoilt:,} times a file was spoilt" if spoil else "")
    return Row(
        name,
        tried,
        sessions,
        len(losses),
        "crashes or hangs",
        time.monotonic() - began,
        tuple(losses),
        notes,
    )


class Spoiler:
    """Called between keys: now and then one file of a run becomes something else.

    Of the run that is being written only bytes change: another process writes on in the same file.
    """

    def __init__(self, world: World, chance: random.Random, sound: Path):
        self._chance = chance
        self._runs = world.finished
        self._written = world.written
        self._sound = sound
        self._count = 0
        for run in self._runs:
            shutil.copytree(run, sound / run.name)

    def __call__(self) -> None:
        if self._chance.random() < 0.3:
            self._count += 1
            run = self._chance.choice((*self._runs, *self._written))
            if run in self._written:
                self._spoil_under_its_writer(run)
            else:
                self._spoil(run)

    def restore(self) -> int:
        """All runs as they were; how often a file was spoilt since the last time."""
        for run in self._runs:
            shutil.rmtree(run, ignore_errors=True)
            shutil.copytree(self._sound / run.name, run)
        count, self._count = self._count, 0
        return count

    def _spoil_under_its_writer(self, run: Path) -> None:
        lasting = (path for path in run.rglob("*") if not path.name.startswith(TEMPORARY))
        files = [path for path in lasting if path.is_file() and path.stat().st_size]
        with self._chance.choice(files).open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            for _ in range(self._chance.randint(1, 20)):
                os.pwrite(file.fileno(), self._chance.randbytes(4), self._chance.randrange(size))

    def _spoil(self, run: Path) -> None:
        chance = self._chance
        files = [path for path in run.rglob("*") if path.is_file()] if run.is_dir() else []
        if not files:
            return
        path = chance.choice(files)
        how = chance.choice(("flip", "cut", "junk", "grow", "gone", "folder", "link", "deep"))
        data = bytearray(path.read_bytes())
        match how:
            case "flip":
                for _ in range(20 if data else 0):
                    data[chance.randrange(len(data))] = chance.randrange(256)
            case "cut":
                del data[chance.randint(0, len(data)) :]
            case "junk":
                data = bytearray(chance.randbytes(chance.randint(1, 400)))
            case "grow":
                data += chance.randbytes(chance.randint(1, 4000))
            case "deep":
                data = bytearray(b"[" * 100_000)
        if how in ("gone", "folder", "link"):
            path.unlink()
            if how == "folder":
                path.mkdir()
            elif how == "link":
                path.symlink_to(path.name)
            return
        path.write_bytes(bytes(data))
