"""Findings on the inspect screen: shown, gone through, and looked for in all values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.message import Message

from dltui.inspect.text import size_text
from dltui.ui.inspect.actions import InspectActions
from dltui.ui.inspect.findings import FindingList, FindingsPanel
from dltui.ui.inspect.scan import UNASKED_BYTES, UNASKED_TENSORS, Progress, Scan

if TYPE_CHECKING:
    from dltui.inspect.findings import Finding

_ORDER = ("error", "warning", "note")


class Problems(InspectActions):
    """`p` goes to the findings, `n` and `N` to the next and the one before, `S` checks values."""

    findings: FindingsPanel
    _scan: Scan | None = None
    _of_values: tuple[Finding, ...] = ()
    _checked = "names and types checked"

    @dataclass
    class ScanTold(Message):
        """The scan is further, or done."""

        scan: Scan
        progress: Progress

    def begin_findings(self) -> None:
        """Shows what names tell, and checks the values of a small file unasked."""
        self._checked = "names and types checked · S checks the values"
        self._of_values = ()
        self.show_findings()
        if self.file is None:
            return
        checkpoint = self.file.checkpoint
        if checkpoint.size_bytes <= UNASKED_BYTES and len(checkpoint.tensors) <= UNASKED_TENSORS:
            self.start_scan()

    def end_scan(self) -> None:
        """Stops reading; what was read stays."""
        if self._scan is not None:
            self._scan.stop()
            self._scan = None

    def start_scan(self) -> None:
        """Reads the statistics of every tensor in the background."""
        self.end_scan()
        if self.file is not None:
            self._scan = Scan(self.file, lambda scan, far: self._tell(scan, far))
            self._scan.start()

    def _tell(self, scan: Scan, progress: Progress) -> None:
        if self.is_attached:
            self.post_message(self.ScanTold(scan, progress))

    @on(ScanTold)
    def take_progress(self, event: ScanTold) -> None:
        if event.scan is not self._scan:
            return
        progress = event.progress
        if not progress.is_done:
            share = progress.seen_bytes / max(1, progress.all_bytes)
            self._checked = f"checking the values {share:.0%} · S stops"
            self.findings.note(self._checked)
            return
        self._scan = None
        self._of_values = progress.findings
        size = size_text(progress.all_bytes)
        self._checked = progress.problem or f"names and all values checked ({size})"
        self.show_findings()
        self.details.redraw()

    def show_findings(self) -> None:
        """Shows all findings, the weightiest first, and marks their tensors in the tree."""
        of_names: Sequence[Finding] = self.study.findings if self.study is not None else ()
        found = sorted((*of_names, *self._of_values), key=lambda f: _ORDER.index(f.severity))
        self.findings.show(found, self._checked)
        self.tree_widget.mark({f.tensor for f in found if f.severity != "note"})

    def action_check_values(self) -> None:
        if self._scan is None:
            self.start_scan()
            return
        self.end_scan()
        self._checked = "stopped: not all values checked · S goes on"
        self.findings.note(self._checked)

    def action_show_problems(self) -> None:
        if self.findings.list.has_focus:
            self.tree_widget.focus()
        else:
            self.findings.list.focus()

    def action_next_problem(self, by: int) -> None:
        self.findings.list.step(by)

    @on(FindingList.Chosen)
    def look_at_finding(self, event: FindingList.Chosen) -> None:
        if event.finding.tensor:
            self.go_to_tensor(event.finding.tensor)
        if event.opened:
            self.details.focus_inside()
