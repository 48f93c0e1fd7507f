"""Metric math: arithmetic over metrics, value by value; functions are refused by their name.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rehearsal.emulator.metrics.statistics import Values

OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
PARTS = (
    *(ast.Expression, ast.Constant, ast.BinOp, ast.UnaryOp, ast.USub, ast.expr_context),
    *OPERATORS,
)
"""What the tree of an expression may have beside names."""


class ExpressionError(ValueError):
    """An expression that is wrong, or that is not computed here."""


def names(expression: str) -> set[str]:
    """Returns the IDs that an expression uses.

    Raises:
        ExpressionError: It cannot be read, or has what is not computed here.
    """
    found: set[str] = set()
    for node in ast.walk(_parsed(expression)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Call):
            raise ExpressionError(
                f"The rehearsal does not compute {ast.unparse(node.func)}() of metric math, only "
                f"arithmetic: {expression}"
            )
        elif not isinstance(node, PARTS):
            raise ExpressionError(
                f"The rehearsal does not compute {type(node).__name__} of metric math, only "
                f"arithmetic: {expression}"
            )
    return found


def compute(expression: str, values: Mapping[str, Values]) -> Values:
    """Returns an expression's value for each period; None where an operand has none.

    Raises:
        ExpressionError: It cannot be read, is not computed here, or names no metric.
    """
    used = names(expression)
    unknown = used - set(values)
    if unknown:
        raise ExpressionError(f"{expression} uses {', '.join(sorted(unknown))}, which is not there")
    if not used:
        raise ExpressionError(f"{expression} uses no metric")
    tree = _parsed(expression).body
    length = max(len(values[name]) for name in used)
    return [_value(tree, {name: values[name][i] for name in used}) for i in range(length)]


def _parsed(expression: str) -> ast.Expression:
    try:
        return ast.parse(expression.strip(), mode="eval")
    except SyntaxError:
        raise ExpressionError(f"The rehearsal cannot read the expression {expression}") from None


def _value(node: ast.expr, values: Mapping[str, float | None]) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            value = _value(inner, values)
            return None if value is None else -value
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in OPERATORS:
            one, other = _value(left, values), _value(right, values)
            if one is None or other is None:
                return None
            try:
                return OPERATORS[type(sign)](one, other)
            except ZeroDivisionError:
                return None  # no data point
        case _:
            raise ExpressionError(f"The rehearsal does not compute {ast.unparse(node)}")


Query = Mapping[str, Any]
Fetch = Callable[[Mapping[str, Any]], Values]
"""MetricStat -> its values."""


def resolve(queries: Sequence[Query], fetch: Fetch) -> dict[str, Values]:
    """Returns the values of each of several queries, metrics first, then expressions.

    Args:
        queries: As MetricDataQueries.
        fetch: Gives a metric's values.

    Raises:
        ExpressionError: An expression is wrong or goes in circles.
    """
    known = {query["Id"]: fetch(query["MetricStat"]) for query in queries if "MetricStat" in query}
    waiting = {query["Id"]: query["Expression"] for query in queries if query.get("Expression")}
    while waiting:
        ready = [name for name, text in waiting.items() if not names(text) & set(waiting)]
        if not ready:
            raise ExpressionError(f"{', '.join(waiting)} use each other")
        for name in ready:
            known[name] = compute(waiting.pop(name), known)
    return known
