"""What a person does to a run that is on the screen: each key asks, checks, and says so."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual.screen import Screen

from dltui.errors import DltuiError
from dltui.ui.screens import watch_controls as controls
from dltui.ui.screens.dialogs import Ask, Confirm
from dltui.ui.snapshot import Snapshot


class SteeringScreen(Screen[None]):
    """The part of the watch screen that steers the run in `run_path`."""

    run_path: Path
    snapshot: Snapshot | None = None
    is_stopping = False
    """Whether the run was asked to stop."""

    def say(self, message: str, *, level: str = "info") -> None:
        """Tells the person what was asked for, and what came of it."""
        raise NotImplementedError

    def action_pause_or_go(self) -> None:
        paused = self.snapshot is not None and self.snapshot.state == "paused"
        self._control("resume" if paused else "pause")

    def action_save_checkpoint(self) -> None:
        self._control("checkpoint")

    def action_inspect_checkpoint(self) -> None:
        """Looks into the newest checkpoint; the training goes on below."""
        from dltui.runs.checkpoints import pointed

        try:
            newest = pointed(self.run_path / "checkpoints", "latest")
        except DltuiError as error:
            self.say(str(error), level="error")
            return
        if newest is None:
            self.say("there is no checkpoint yet: c saves one", level="warning")
            return
        from dltui.ui.inspect.opening import Opening
        from dltui.ui.inspect.screen import InspectScreen

        self.app.push_screen(InspectScreen(Opening(newest)))

    def action_change_rate(self) -> None:
        if not self._applies("set"):
            return
        last = self.snapshot.last("train/lr") if self.snapshot else float("nan")
        now = f" (now {last:.3g})" if last == last else ""
        question = Ask(
            f"New learning rate{now}; it takes effect at the next step.",
            value=f"{last:.3g}" if last == last else "",
            title="learning rate",
            check=controls.learning_rate_problem,
        )
        self.app.push_screen(question, self._set_rate)

    def action_stop_run(self) -> None:
        if self._applies("stop"):
            self._confirm(
                "Stop the training? It saves a checkpoint first and can be resumed.",
                partial(self._control, "stop"),
            )

    def action_kill_run(self) -> None:
        if self._applies("kill"):
            self._confirm(
                "Kill the worker at once? What came after the last checkpoint is lost.",
                partial(self._do, "kill", partial(controls.kill, self.run_path)),
            )

    def action_restart_run(self) -> None:
        if self._applies("restart"):
            self.say("starting a new worker …")
            self._do("resume", partial(controls.restart, self.run_path))

    def action_export_run(self) -> None:
        target = Path.cwd() / f"{self.run_path.name}.csv"
        self._do("export", partial(controls.export, self.run_path, target))

    def _applies(self, control: controls.Control, *, word: str = "") -> bool:
        reason = controls.why_not(control, self.snapshot, word=word)
        if reason is not None:
            self.say(reason, level="warning")
        return reason is None

    def _control(self, control: controls.Control) -> None:
        if not self._applies(control):
            return
        try:
            controls.send(self.run_path, control)
        except DltuiError as error:
            self.say(str(error), level="error")
        else:
            self.is_stopping = self.is_stopping or control == "stop"
            self.say(f"{control}: asked for; it takes effect at the next step")

    def ask_temperature(self, now: float) -> None:
        """Asks at which temperature text is to be sampled; `now` is that of the newest, or NaN."""
        if self._applies("set", word="change the temperature"):
            self.app.push_screen(controls.temperature_question(now), self._set_temperature)

    def _set_rate(self, text: str | None) -> None:
        self._set("lr", text, f"learning rate {text}: asked for; it takes effect at the next step")

    def _set_temperature(self, text: str | None) -> None:
        self._set("temperature", text, f"temperature {text}: asked for; a new sample comes")

    def _set(self, name: str, text: str | None, said: str) -> None:
        """Asks the worker for another value; `said` goes into the log. None: nothing was typed."""
        if text is None:
            return
        try:
            controls.send(self.run_path, "set", {name: float(text)})
        except DltuiError as error:
            self.say(str(error), level="error")
        else:
            self.say(said)

    def _confirm(self, question: str, then: Callable[[], None]) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.app.push_screen(Confirm(question), answered)

    def _do(self, what: str, work: Callable[[], str]) -> None:
        """Does something slow in a thread and puts its outcome into the log."""

        def run() -> None:
            try:
                message, level = work(), "info"
            except DltuiError as error:
                message, level = str(error), "error"
            self.app.call_from_thread(self.say, f"{what}: {message}", level=level)

        self.run_worker(run, thread=True, group=what, exclusive=True)
