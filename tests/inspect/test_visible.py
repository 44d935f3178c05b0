"""Names from a file cannot steer the terminal."""

from hypothesis import given
from hypothesis import strategies as st

from dltui.inspect.visible import visible


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert visible("a\x1b[31mb\n\x07") == "a\\x1b[31mb\\n\\x07"
    assert visible("\u202egnp.exe") == "\\u202egnp.exe"
    assert visible("café.层") == "café.层"


def test_a_name_of_a_million_characters_loses_its_middle() -> None:
    shown = visible("a" * 500_000 + "b" * 500_000)
    assert len(shown) < 1000
    assert shown[0] == "a"
    assert shown[-1] == "b"


@given(st.text())
def test_everything_shown_can_be_printed(text: str) -> None:
    assert visible(text).isprintable()
