"""Computes an expression for one customer, with simpleeval.

https://github.com/danthedeckie/simpleeval. It evaluates only the syntax that the checker accepts. Numbers have few
digits and texts are short, so no result grows large.
"""

from __future__ import annotations

import ast
import operator
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from simpleeval import InvalidExpression, SimpleEval

from standpipe_maps.expressions.checker import (
    CONSTANTS,
    KindChecker,
    WrongExpressionError,
    find_names,
    parse_expression,
)
from standpipe_maps.expressions.functions import FUNCTIONS
from standpipe_maps.expressions.kinds import (
    KIND_OF,
    NUMBERS,
    FailedExpressionError,
    Kind,
    Operand,
    limit_text,
    read_operand,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from standpipe_maps.expressions.functions import Function


class Expression:
    """An expression whose names and types have been checked.

    Args:
        text: the expression.
        kind: the kind of its result.
        names: the kinds of the names in it.
        tree: its syntax tree.
    """

    def __init__(self, text: str, kind: Kind, names: Mapping[str, Kind], tree: ast.expr) -> None:
        self.text, self.kind, self.names = text, kind, names
        self._tree = tree
        # One evaluator serves all customers, as making one takes longer than computing an expression.
        self._evaluator = Evaluator(names)

    def evaluate(self, read_value: Callable[[str], object], now: datetime) -> Operand:
        """Compute the expression for one customer.

        Args:
            read_value: returns the value of a name; it is called for the names that are needed.
            now: the time of the run.

        Raises:
            FailedExpressionError: it has no result for this customer.
        """
        self._evaluator.read_value, self._evaluator.now = read_value, now
        return self._evaluator.eval(self.text, self._tree)


def check_expression(text: str, names: Mapping[str, Kind], kind: Kind | None = None) -> Expression:
    """Return an expression that can be computed for each customer.

    Args:
        text: the expression.
        names: the kinds of the names that exist.
        kind: the kind that the result must have.

    Raises:
        WrongExpressionError: it cannot.
    """
    tree = parse_expression(text)
    found = KindChecker(names).find_kind(tree)
    if kind is not None and found not in {kind, Kind.ANY, Kind.NULL}:
        remedy = "compare it, as in `cust_mrr > 0`" if kind is Kind.YES_NO else "convert it with `number` or `text`"
        raise WrongExpressionError(f"is {found.value} but must be {kind.value}: {remedy}")
    used = {name: names[name] for name in find_names(tree)}
    return Expression(text, kind or found, used, tree)


class Evaluator(SimpleEval):  # type: ignore[misc]  # simpleeval has no types
    """An evaluator whose values are texts, Decimal numbers, dates, booleans and null.

    Args:
        kinds: the kinds of the names.
    """

    read_value: Callable[[str], object]
    """Returns the value of a name for one customer."""
    now: datetime
    """The time of the run."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        functions = {name: partial(self._call_function, function) for name, function in FUNCTIONS.items()}
        super().__init__(operators=_OPERATORS, functions=functions, names={})
        self._kinds = kinds
        self.nodes = {
            ast.Constant: self._eval_constant,
            ast.Name: self._eval_name,
            ast.BinOp: self._eval_binop,
            ast.UnaryOp: self._eval_unaryop,
            ast.BoolOp: self._eval_boolop,
            ast.Compare: self._eval_compare,
            ast.IfExp: self._eval_ifexp,
            ast.Call: self._eval_call,
            ast.List: self._eval_items,
            ast.Tuple: self._eval_items,
            ast.Set: self._eval_items,
        }

    def eval(self, expr: str, previously_parsed: ast.expr | None = None) -> Operand:
        """Compute an expression.

        Raises:
            FailedExpressionError: it has no result for these values.
        """
        try:
            result: Operand = super().eval(expr, previously_parsed)
        except InvalidExpression:
            raise FailedExpressionError("it has syntax that expressions do not support") from None
        except ZeroDivisionError:
            raise FailedExpressionError("a division by zero") from None
        except ArithmeticError:
            raise FailedExpressionError("a number is too large, or cannot be computed") from None
        except TypeError:
            raise FailedExpressionError("the types of two values do not fit together") from None
        return result

    def _eval_constant(self, node: ast.Constant) -> Operand:
        return read_operand(node.value, Kind.ANY)

    def _eval_name(self, node: ast.Name) -> Operand:
        if node.id in CONSTANTS:
            return CONSTANTS[node.id]
        return read_operand(self.read_value(node.id), self._kinds[node.id])

    def _eval_items(self, node: ast.List | ast.Tuple | ast.Set) -> list[Operand]:
        return [self._eval(item) for item in node.elts]

    def _call_function(self, function: Function, *values: Operand) -> Operand:
        if not function.takes_null and None in values:
            return None
        for position, value in enumerate(values):
            takes = function.takes[min(position, len(function.takes) - 1)]
            if value is not None and KIND_OF[type(value)] not in takes:
                raise FailedExpressionError("a function got a value of the wrong type")
        return function.compute(self.now, *values) if function.needs_now else function.compute(*values)


def _calculate(compute: Callable[[Decimal, Decimal], Decimal], left: Operand, right: Operand) -> Operand:
    if left is None or right is None:
        return None
    if not isinstance(left, Decimal) or not isinstance(right, Decimal):
        raise FailedExpressionError("a value is not a number")
    return compute(left, right)


def _add(left: Operand, right: Operand) -> Operand:
    if isinstance(left, str) and isinstance(right, str):
        return limit_text(left + right)
    return _calculate(NUMBERS.add, left, right)


def _compare(compute: Callable[[Any, Any], bool], left: Operand, right: Operand) -> bool:
    if left is None or right is None:
        return False
    if type(left) is not type(right):
        raise FailedExpressionError("it compares values of different types")
    return compute(left, right)


def _is_member(left: Operand, items: list[Operand]) -> bool:
    return any(_compare(operator.eq, left, item) for item in items)


def _is_no_member(left: Operand, items: list[Operand]) -> bool:
    return left is not None and not _is_member(left, items)


def _sign(compute: Callable[[Decimal], Decimal], value: Operand) -> Operand:
    if value is not None and not isinstance(value, Decimal):
        raise FailedExpressionError("a value is not a number")
    return None if value is None else compute(value)


def _negate(value: Operand) -> bool:
    return not value


_OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: _add,
    ast.Sub: partial(_calculate, NUMBERS.subtract),
    ast.Mult: partial(_calculate, NUMBERS.multiply),
    ast.Div: partial(_calculate, NUMBERS.divide),
    ast.Mod: partial(_calculate, NUMBERS.remainder),
    ast.Eq: partial(_compare, operator.eq),
    ast.NotEq: partial(_compare, operator.ne),
    ast.Lt: partial(_compare, operator.lt),
    ast.LtE: partial(_compare, operator.le),
    ast.Gt: partial(_compare, operator.gt),
    ast.GtE: partial(_compare, operator.ge),
    ast.In: _is_member,
    ast.NotIn: _is_no_member,
    ast.Not: _negate,
    ast.USub: partial(_sign, NUMBERS.minus),
    ast.UAdd: partial(_sign, NUMBERS.plus),
}
