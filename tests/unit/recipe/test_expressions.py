"""`$(…)` gives what Python gives, and nothing else can be said in it."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltui.recipe import ExpressionError, evaluate, parse_expression
from dltui.recipe.expressions import variables_of

_VARIABLES = {"d": 64, "half": 0.5, "data.classes": 10}

_ATOMS = st.one_of(
    st.integers(0, 50).map(str),
    st.floats(0, 10, allow_nan=False).map(lambda number: f"{number:.3f}"),
    st.sampled_from(["d", "half"]),
)


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = ["+", "-", "*", "/", "//", "%", "**", "<", "<=", "==", "!=", ">", ">="]
    return st.one_of(
        st.tuples(inner, st.sampled_from(operators), inner).map(lambda p: f"({' '.join(p)})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(
            lambda p: f"{p[0]}({p[1]}, {p[2]})"
        ),
        inner.map(lambda text: f"-{text}"),
        inner.map(lambda text: f"round({text})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
    )


@given(st.recursive(_ATOMS, _wider, max_leaves=8))
def test_arithmetic_equals_python_or_is_refused_where_python_has_no_finite_number(
    text: str,
) -> None:
    try:
        ours = evaluate(f"$({text})", _VARIABLES)
    except ExpressionError:
        _assert_has_no_ordinary_value(text)
        return
    theirs = eval(text, {"__builtins__": {}, "min": min, "max": max, "round": round}, _VARIABLES)
    assert ours == theirs
    assert type(ours) is type(theirs)


def _assert_has_no_ordinary_value(text: str) -> None:
    """A step is not finite, not real, or beyond 64 bits; or the text is too long."""
    if len(text) > 300:
        return
    import ast

    steps = [node for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.expr)]
    scope = {"__builtins__": {}, "min": min, "max": max, "round": round}
    for step in steps:
        if isinstance(step, ast.BinOp) and isinstance(step.op, ast.Pow):
            return  # powers are bounded before they are computed
        try:
            value = eval(ast.unparse(step), scope, _VARIABLES)
        except (ArithmeticError, ValueError, TypeError):
            return
        if callable(value):
            continue
        if isinstance(value, complex) or not math.isfinite(value) or abs(value) >= 2**63:
            return
    pytest.fail(f"{text} was refused for no reason")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$(4 * d)", 256),
        ("$(data.classes)", 10),
        ("$(d // 3)", 21),
        ("$(int(d * half))", 32),
        ("$(sqrt(d))", 8.0),
        ("$(d > 3 and d < 100)", True),
        ("$(not d)", False),
        ("$(1 if d > 100 else 2)", 2),
        ("stage$(d + 1)_$(2 * 2)", "stage65_4"),
        ("plain", "plain"),
        ("$(2 ** 10)", 1024),
        ("$(1e-3)", 1e-3),
    ],
)
def test_a_lone_expression_is_a_number_and_a_longer_text_is_filled_in(
    text: str, value: object
) -> None:
    found = evaluate(text, _VARIABLES)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "$(__import__('os'))",
        "$(().__class__)",
        "$([1, 2])",
        "$(lambda: 1)",
        "$(d.__class__)",
        "$('a' * 9)",
        "$(x := 3)",
        "$(9 ** 9 ** 9)",
        "$(2 ** 1000000)",
        "$(1 / 0)",
        "$(0.0 ** -1)",
        "$((-8) ** 0.5)",
        "$(sqrt(-1))",
        "$(log(0))",
        "$(exp(1000))",
        "$(min())",
        "$(min(1))",
        "$(round(1, 2, 3))",
        "$(max(d, key=d))",
        "$(unknown)",
        "$()",
        "$(1",
        "$(" + "(" * 150 + "1" + ")" * 150 + ")",
        "$(" + "-" * 290 + "1)",
        "$(" + "1" * 400 + ")",
        "$(1 if)",
        "$(True.real)",
        "$(1 << 3)",
        "$(d[0])",
        "$(f(1))",
        "$(min(*d))",
        "$(1)" * 200_000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    if text.startswith("$(---"):  # an even row of signs is a number after all
        assert evaluate(text, _VARIABLES) == 1
        return
    with pytest.raises(ExpressionError):
        evaluate(text, _VARIABLES)


@given(st.text(max_size=60) | st.text("0123456789.+-*/%()<>=!, \t\nifelsxan_", max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        assert len(parse_expression(f"$({text})")) >= 1


def test_the_names_of_an_expression_are_known_without_values() -> None:
    assert variables_of("$(min(d, 2) * data.classes) of $(n)") == {"d", "data.classes", "n"}
