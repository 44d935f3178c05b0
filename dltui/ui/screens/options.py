"""A form made from a recipe's own keys. What is changed becomes overrides of the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.suggester import SuggestFromList
from textual.widgets import Footer, Input, Static

from dltui.errors import DltuiError
from dltui.ui.widgets.size_guard import SizeGuard

if TYPE_CHECKING:
    from pydantic import BaseModel

    from dltui.recipe import Recipe

SECTIONS = ("data", "optimizer", "scheduler", "trainer", "task", "diagnostics")

Choice = tuple[str, tuple[str, ...], str | None]
"""Source, overrides, name of the run."""


@dataclass(frozen=True, slots=True)
class Field:
    """One key of the form. `is_set`: the recipe itself says it, else `value` is the default."""

    path: str
    value: str
    hint: str
    choices: tuple[str, ...]
    is_set: bool


class OptionsScreen(Screen[Choice | None]):
    """Change settings for one run; the recipe's file stays as it is."""

    CSS_PATH = "options.tcss"
    BINDINGS = [
        Binding("ctrl+s", "train", "Train", id="options-train", priority=True),
        Binding("ctrl+a", "toggle_all", "All keys", id="options-all", priority=True),
        Binding("ctrl+r", "reset", "Reset field", id="options-reset", priority=True),
        Binding("escape", "cancel", "Back", id="options-cancel"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.fields: dict[str, Field] = {}
        self.problem: str | None = None

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="form", classes="panel") as form:
            form.border_title = f"options · {self.source}"
            yield Static("reading the recipe …", id="waiting")
        yield Static("", id="verdict", markup=False)
        yield Footer(show_command_palette=False, compact=True)
        yield SizeGuard()

    def on_mount(self) -> None:
        self._read()

    @work(thread=True)
    def _read(self) -> None:
        from dltui.recipe import load_recipe

        try:
            recipe = load_recipe(self.source)
        except DltuiError as error:
            self.app.call_from_thread(self._show_verdict, str(error))
            return
        self.app.call_from_thread(
            self.run_worker, self._fill(list(form_fields(recipe)), recipe.name)
        )

    async def _fill(self, fields: list[Field], name: str) -> None:
        form = self.query_one("#form", VerticalScroll)
        form.border_title = f"options · {name}"
        self.fields = {field.path: field for field in fields}
        rows: list[Static | Horizontal] = [
            _row(Field("run name", "", "a name for the run; empty: the recipe's", (), True))
        ]
        section = ""
        for field in fields:
            top = field.path.partition(".")[0]
            if top != section:
                section = top
                rows.append(Static(section, classes="section"))
            rows.append(_row(field))
        # A form half made shows its headings above rows that are still empty.
        with self.app.batch_update():
            await form.mount(*rows)
            await self.query_one("#waiting").remove()
        form.query(Input).first().focus()
        self._check()

    # Keys ---------------------------------------------------------------------------------

    def action_toggle_all(self) -> None:
        self.query_one("#form").toggle_class("-all")

    def action_reset(self) -> None:
        box = self.focused
        if isinstance(box, Input) and box.name in self.fields:
            box.value = self.fields[box.name].value

    def action_cancel(self) -> None:
        self.dismiss(None)

    def action_train(self) -> None:
        if self.problem is not None:
            self.notify("Mend the marked settings first.", severity="error")
            return
        name = next(box.value for box in self.query(Input) if box.name == "run name")
        self.dismiss((self.source, self.overrides(), name.strip() or None))

    # Checking -----------------------------------------------------------------------------

    def overrides(self) -> tuple[str, ...]:
        """`key=value` of every field that differs from the recipe."""
        return tuple(
            f"{box.name}={box.value.strip() or 'null'}"
            for box in self.query(Input)
            if box.name in self.fields and box.value.strip() != self.fields[box.name].value
        )

    @on(Input.Changed)
    def mark_changed(self, event: Input.Changed) -> None:
        field = self.fields.get(event.input.name or "")
        if field is not None:
            event.input.set_class(event.value.strip() != field.value, "-changed")
            self._check()

    @on(Input.Submitted)
    def go_on(self) -> None:
        self.focus_next()

    @work(exclusive=True, thread=True, group="check")
    def _check(self) -> None:
        from dltui.recipe import load_recipe

        try:
            load_recipe(self.source, self.app.call_from_thread(self.overrides))
        except DltuiError as error:
            self.app.call_from_thread(self._show_verdict, str(error))
        else:
            self.app.call_from_thread(self._show_verdict, None)

    def _show_verdict(self, problem: str | None) -> None:
        self.problem = problem
        verdict = self.query_one("#verdict", Static)
        verdict.set_class(problem is not None, "-bad")
        changed = self.overrides()
        good = (
            f"✓ {len(changed)} changed: {' '.join(changed)}" if changed else "✓ as the recipe says"
        )
        verdict.update(f"✗ {problem}" if problem else good)


def _row(field: Field) -> Horizontal:
    label = Static(field.path.partition(".")[2] or field.path, classes="label", markup=False)
    box = Input(
        field.value,
        name=field.path,
        compact=True,
        suggester=SuggestFromList(field.choices) if field.choices else None,
        classes="value",
    )
    hint = Static(field.hint, classes="hint", markup=False)
    return Horizontal(label, box, hint, classes="row" if field.is_set else "row -default")


def form_fields(recipe: Recipe) -> Iterator[Field]:
    """Every setting of the recipe's sections; nested sections as dotted keys."""
    for name in SECTIONS:
        section = getattr(recipe, name)
        if section is not None:
            raw = recipe.raw.get(name)
            yield from _section_fields(name, section, raw if isinstance(raw, dict) else {})


def _section_fields(prefix: str, section: BaseModel, raw: dict[str, Any]) -> Iterator[Field]:
    from pydantic import BaseModel

    # What kind of thing it is comes first: the other keys depend on it.
    for name, info in sorted(type(section).model_fields.items(), key=lambda f: f[0] != "type"):
        value = getattr(section, name)
        path = f"{prefix}.{name}"
        if prefix == "optimizer" and name == "args":
            for key, argument in value.items():
                yield Field(f"{prefix}.{key}", _inline(argument), "", (), key in raw)
        elif isinstance(value, BaseModel):
            below = raw.get(name)
            yield from _section_fields(path, value, below if isinstance(below, dict) else {})
        else:
            choices = _choices(info.annotation)
            hint = info.description or ""
            if choices:
                hint = f"{hint}  ({' | '.join(choices)})" if hint else " | ".join(choices)
            yield Field(path, _inline(value), hint, choices, name in raw)


def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return tuple(map(str, get_args(annotation)))
    found = [_choices(part) for part in get_args(annotation)]
    return tuple(choice for part in found for choice in part)


def _inline(value: Any) -> str:
    """The value as one line of YAML."""
    import json

    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
