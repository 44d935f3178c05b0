"""`$(4 * d)`: arithmetic in a model, read by a whitelist and bounded in size.

Nothing is ever evaluated by Python itself: the text is parsed to a syntax tree and walked here.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from dltui.errors import DltuiError
from dltui.recipe.names import unknown
from dltui.recipe.nodes import Expression

Number = int | float | bool

_LONGEST: Final = 300
_LONGEST_TEXT: Final = 2_000
_LARGEST: Final = 2**63 - 1
_ALLOWED = re.compile(r"[\w\s.+\-*/%()<>=!,]*\Z", re.ASCII)

_BINARY: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: Final[dict[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "min": min,
    "max": max,
    "int": int,
    "round": round,
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "log2": math.log2,
}
"""What an expression may call."""


class ExpressionError(DltuiError):
    """An expression is outside the grammar, names something unknown, or has no finite value."""


def has_expression(text: str) -> bool:
    return "$(" in text


def parse_expression(text: str) -> tuple[str | ast.expr, ...]:
    """The parts of a text such as `$(2 * d)` or `stage $(index)`: literal text and syntax trees.

    Raises:
        ExpressionError: a parenthesis is not closed, or the grammar does not have this.
    """
    return _parse_template(text)


@lru_cache(maxsize=4096)
def _parse_template(text: str) -> tuple[str | ast.expr, ...]:
    parts: list[str | ast.expr] = []
    if len(text) > _LONGEST_TEXT and has_expression(text):
        raise ExpressionError(f"a text with `$(…)` has at most {_LONGEST_TEXT:,} characters")
    rest = text
    while (start := rest.find("$(")) >= 0:
        if start:
            parts.append(rest[:start])
        end = _closing(rest, start + 1)
        parts.append(_parse_arithmetic(rest[start + 2 : end]))
        rest = rest[end + 1 :]
    if rest or not parts:
        parts.append(rest)
    return tuple(parts)


def variables_of(text: str) -> frozenset[str]:
    """The names that an expression uses, e.g. `{"d", "data.classes"}`.

    Raises:
        ExpressionError: as `parse_expression`.
    """
    found: set[str] = set()
    for part in _parse_template(text):
        if isinstance(part, ast.expr):
            _collect_names(part, found)
    return frozenset(found)


def evaluate(
    expression: Expression | str, variables: Mapping[str, int | float]
) -> int | float | bool | str:
    """The number of a lone `$(…)`; inside a longer text, the text with the numbers put in.

    Raises:
        ExpressionError: unknown name, division by zero, or a result that is not finite or does
            not fit into 64 bits.
    """
    text = expression.text if isinstance(expression, Expression) else expression
    parts = _parse_template(text)
    if len(parts) == 1 and isinstance(parts[0], ast.expr):
        return _value(parts[0], variables)
    return "".join(
        part if isinstance(part, str) else _shown(_value(part, variables)) for part in parts
    )


def _shown(value: Number) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _closing(text: str, opening: int) -> int:
    depth = 0
    for position in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position
    raise ExpressionError(f"`{text[opening - 1 : opening + 40]}`: the parenthesis is not closed")


def _parse_arithmetic(text: str) -> ast.expr:
    if len(text) > _LONGEST:
        raise ExpressionError(f"an expression has at most {_LONGEST} characters")
    if not _ALLOWED.match(text):
        raise ExpressionError(f"`$({text})`: only numbers, names and + - * / // % ** are allowed")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `1if x else 2` is told below or is harmless
            tree = ast.parse(" ".join(text.split()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"`$({text})` is not an expression") from None
    _check(tree, text)
    return tree


def _check(node: ast.AST, text: str) -> None:
    match node:
        case ast.Constant(value=value) if isinstance(value, int | float):
            if abs(value) > _LARGEST:
                raise ExpressionError(f"`$({text})`: a number does not fit into 64 bits")
        case ast.BinOp(op=op) if type(op) in _BINARY or isinstance(op, ast.Pow):
            _check(node.left, text)
            _check(node.right, text)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not()):
            _check(node.operand, text)
        case ast.BoolOp():
            for operand in node.values:
                _check(operand, text)
        case ast.Compare(ops=ops) if all(type(op) in _COMPARE for op in ops):
            for operand in (node.left, *node.comparators):
                _check(operand, text)
        case ast.IfExp():
            for operand in (node.test, node.body, node.orelse):
                _check(operand, text)
        case ast.Call(func=ast.Name(id=name), keywords=[]):
            if name not in FUNCTIONS:
                raise ExpressionError(unknown("function", name, FUNCTIONS))
            for operand in node.args:
                _check(operand, text)
        case ast.Name() | ast.Attribute() if _dotted_name(node) is not None:
            pass
        case _:
            raise ExpressionError(
                f"`$({text})`: {type(node).__name__.lower()} is not part of the arithmetic"
            )


def _dotted_name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = _dotted_name(node.value)
        return None if owner is None else f"{owner}.{node.attr}"
    return None


def _collect_names(node: ast.AST, found: set[str]) -> None:
    if (name := _dotted_name(node)) is not None:
        found.add(name)
        return
    children = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
    for child in children:
        _collect_names(child, found)


def _value(node: ast.expr, variables: Mapping[str, int | float]) -> Number:
    try:
        value = _raw_value(node, variables)
    except ZeroDivisionError:
        raise ExpressionError(f"`{ast.unparse(node)}` divides by zero") from None
    except (ArithmeticError, ValueError, TypeError) as error:
        raise ExpressionError(f"`{ast.unparse(node)}` has no value: {error}") from None
    if not isinstance(value, int | float):
        raise ExpressionError(f"`{ast.unparse(node)}` is not a real number")
    if (isinstance(value, float) and not math.isfinite(value)) or abs(value) > _LARGEST:
        raise ExpressionError(f"`{ast.unparse(node)}` is too large")
    return value


def _raw_value(node: ast.expr, variables: Mapping[str, int | float]) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.BinOp():
            left, right = _value(node.left, variables), _value(node.right, variables)
            return (
                _power(left, right)
                if isinstance(node.op, ast.Pow)
                else _BINARY[type(node.op)](left, right)
            )
        case ast.UnaryOp():
            operand = _value(node.operand, variables)
            if isinstance(node.op, ast.Not):
                return not operand
            return -operand if isinstance(node.op, ast.USub) else +operand
        case ast.BoolOp():
            stops_at = isinstance(node.op, ast.Or)
            for operand_node in node.values:
                value = _value(operand_node, variables)
                if bool(value) is stops_at:
                    break
            return value
        case ast.Compare():
            left = _value(node.left, variables)
            for op, comparator in zip(node.ops, node.comparators, strict=True):
                right = _value(comparator, variables)
                if not _COMPARE[type(op)](left, right):
                    return False
                left = right
            return True
        case ast.IfExp():
            chosen = node.body if _value(node.test, variables) else node.orelse
            return _value(chosen, variables)
        case ast.Call(func=ast.Name(id=function)):
            return FUNCTIONS[function](*(_value(argument, variables) for argument in node.args))
        case _:
            name = _dotted_name(node) or ""
            if name not in variables:
                raise ExpressionError(unknown("name", name, variables))
            return variables[name]


def _power(base: Number, exponent: Number) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and abs(base) > 1 and exponent > 63:
        raise OverflowError("the power is too large")
    return base**exponent
