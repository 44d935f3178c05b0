"""What is no recipe at all is told with its place, whatever it is."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from dltui.errors import Problem, RecipeError
from dltui.recipe import load_recipe

Refuse = Callable[..., list[Problem]]


def _told(problems: list[Problem]) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.message) for problem in problems]


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        (b"", 1, 1, "the recipe is empty"),
        (b"# only a comment\n", 1, 1, "the recipe is empty"),
        (b"- a\n- b\n", 1, 1, "a recipe is a map of sections"),
        (b"just text\n", 1, 1, "a recipe is a map of sections"),
        (b"name: a\n\x89PNG\r\n", 2, 1, "byte 0x89 is not UTF-8"),
        (b"\x00\x01\x02", 1, 1, "control character U+0000"),
        (b"name: a\nabout: b\x07\n", 2, 9, "control character U+0007"),
        (b"data:\n\ttype: builtin\n", 2, 1, "a tab in the indentation; use spaces"),
        (b"name:\ta\n", 1, 6, "a tab here; use spaces"),
        (b"name: a: b\n", 1, 8, "a second `:` in one line"),
        (b"name: 'a\n", 2, 1, "a quote is opened and never closed"),
        (b"name: [a\n", 2, 1, "not valid YAML"),
        (b"name: @a\n", 1, 7, "put the text in quotes"),
        (b"name: a\n---\nname: b\n", 2, 1, "a file holds one recipe"),
        (b"%YAML 1.1\n---\nname: a\n", 1, 1, "directives (%YAML, %TAG) are refused"),
        (b"name: !!python/object:os.system a\n", 1, 7, "tags (!!python/object:os.system)"),
        (b"name: !include a\n", 1, 7, "tags (!include) are refused"),
        (b"name: &x a\n", 1, 7, "anchors (&x) are refused"),
        (b"name: &x a\nabout: *x\n", 2, 8, "aliases (*x) are refused"),
        (b"name: a\nabout: b\nname: c\n", 3, 1, "duplicate key `name`; line 1 has it already"),
        (b"? [a, b]\n: c\n", 1, 3, "a key is a name"),
        (b"trainer: {seed: 99999999999999999999}\n", 1, 17, "does not fit into 64 bits"),
        (b"optimizer: {lr: .nan}\n", 1, 17, "not-a-number"),
        (b'name: "\\ud800"\n', 1, 7, "surrogate"),
        (b"a: " + b"[" * 60 + b"]" * 60, 1, 54, "nested more than 50 levels deep"),
        (b"a: [" + b"1," * 30_000 + b"]", 1, 39995, "at most 20,000 values"),
        (b"#" * 10_000_000, 1, 1, "at most 1,000,000 bytes"),
    ],
)
def test_what_is_no_recipe_is_told_at_its_place(
    text: bytes, line: int, column: int, says: str, refuse: Refuse
) -> None:
    told = _told(refuse(text))
    assert any((line, column) == place[:2] and says in place[2] for place in told), told


def test_several_mistakes_of_a_file_are_told_at_once(refuse: Refuse, small: str) -> None:
    problems = refuse(small + "name: again\nabout: !x text\ntrainer: {sede: 1}\n")
    assert [(p.line, p.column, p.path) for p in problems] == [
        (9, 1, "name"),
        (10, 8, "about"),
        (11, 11, "trainer.sede"),
    ]


def test_every_tab_in_the_indentation_is_told(refuse: Refuse) -> None:
    problems = refuse("data:\n\ttype: builtin\n\tname: digits\n")
    assert [(p.line, p.column) for p in problems] == [(2, 1), (3, 1)]


def test_a_missing_file_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "digits.yaml").write_text("name: a")
    with pytest.raises(RecipeError, match=r"there is no file .*digit\.yaml"):
        load_recipe(tmp_path / "digit.yaml")


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is a directory"):
        load_recipe(tmp_path)


@pytest.mark.parametrize(
    "name", ["https://example.org/a.yaml", "a\0b", "x" * 5000, "~nobody9/a", ""]
)
def test_names_that_no_file_can_have_are_refused(name: str) -> None:
    with pytest.raises(RecipeError):
        load_recipe(name)


def test_a_byte_order_mark_and_windows_lines_are_fine(
    write: Callable[..., Path], small: str
) -> None:
    text = b"\xef\xbb\xbf" + small.replace("\n", "\r\n").encode()
    assert load_recipe(write(text)).name == "small"


def test_a_recipe_comes_from_standard_input(monkeypatch: pytest.MonkeyPatch, small: str) -> None:
    class Stdin:
        buffer = io.BytesIO(small.encode() + b"trainer: {sede: 1}\n")

    monkeypatch.setattr("sys.stdin", Stdin)
    with pytest.raises(RecipeError) as caught:
        load_recipe("-")
    assert str(caught.value).startswith("<stdin>:9:11: trainer.sede: unknown key `sede`")
