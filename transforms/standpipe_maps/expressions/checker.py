"""Checks an expression before any customer is read: its size, its names, its functions and the kinds of its values."""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING

from standpipe_maps._kit.settings import suggest_name
from standpipe_maps.expressions.functions import FUNCTIONS, Function
from standpipe_maps.expressions.kinds import NUMBERS, FailedExpressionError, Kind, limit_text, parse_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MAX_LENGTH = 1000
MAX_DEPTH = 50
CONSTANTS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None, "none": None}
"""The constants besides Python's own."""
ARITHMETIC: Mapping[type[ast.AST], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%"}
ORDER: Mapping[type[ast.AST], str] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
EQUAL: Mapping[type[ast.AST], str] = {ast.Eq: "==", ast.NotEq: "!="}
MEMBER: Mapping[type[ast.AST], str] = {ast.In: "in", ast.NotIn: "not in"}
# Other operators of Python that a user may try.
_OTHERS: Mapping[type[ast.AST], str] = {
    ast.Pow: "**",
    ast.FloorDiv: "//",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.MatMult: "@",
    ast.Invert: "~",
    ast.Is: "is",
    ast.IsNot: "is not",
}
_PARTS: Mapping[type[ast.AST], str] = {
    ast.Attribute: "has a dot after a value, but values have no attributes or methods: use the listed functions",
    ast.Subscript: "has square brackets after a value, which is not supported: use `first`, `before` or `after`",
    ast.JoinedStr: "has an f-string, which is not supported: join texts with +",
    ast.List: "has a list in a wrong place: a list may only follow `in`, as in `sub_status in ['active', 'paused']`",
}


class WrongExpressionError(ValueError):
    """An expression cannot be used. The text is the rest of a sentence that begins with the name of the setting."""


def end_sentence(text: object) -> str:
    """Return a sentence with its final full stop or question mark."""
    return str(text) if str(text).endswith("?") else f"{text}."


def parse_expression(text: str) -> ast.expr:
    """Parse an expression, which must be neither too long nor nested too deeply.

    Raises:
        WrongExpressionError: it is not an expression, or is too long or too deep.
    """
    if len(text) > MAX_LENGTH:
        raise WrongExpressionError(f"is longer than {MAX_LENGTH:,} characters: shorten it")
    if not text.strip():
        raise WrongExpressionError("is empty: write an expression, or remove the setting")
    try:
        with warnings.catch_warnings():
            # Python only warns about an unknown escape such as \d.
            warnings.simplefilter("error")
            # In parentheses an expression may take several lines.
            tree = ast.parse(f"({text.strip()}\n)", mode="eval").body
    except SyntaxError as error:
        raise WrongExpressionError(f"is not a valid expression ({error.msg}): correct it") from None
    except (ValueError, RecursionError, MemoryError):
        raise WrongExpressionError("is not a valid expression: correct it") from None
    if _is_deeper(tree, MAX_DEPTH):
        raise WrongExpressionError(f"is nested more than {MAX_DEPTH} levels deep: simplify it")
    return tree


def _is_deeper(tree: ast.AST, limit: int) -> bool:
    # Without recursion, as the tree may be deeper than Python's own limit.
    level: list[ast.AST] = [tree]
    for _ in range(limit):
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        if not level:
            return False
    return True


def find_names(tree: ast.AST) -> set[str]:
    """Return the names of fields and attributes in an expression."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}
    return names - CONSTANTS.keys()


class KindChecker:
    """Finds the kind of an expression.

    Args:
        names: the kinds of the names that exist.
    """

    def __init__(self, names: Mapping[str, Kind]) -> None:
        self._names = names
        self._checks: Mapping[type[ast.AST], Callable[..., Kind]] = {
            ast.Constant: self._check_constant,
            ast.Name: self._check_name,
            ast.BinOp: self._check_arithmetic,
            ast.UnaryOp: self._check_unary,
            ast.BoolOp: self._check_logic,
            ast.Compare: self._check_comparison,
            ast.IfExp: self._check_choice,
            ast.Call: self._check_call,
        }

    def find_kind(self, node: ast.expr) -> Kind:
        """Return the kind of the value of a part of an expression.

        Raises:
            WrongExpressionError: it uses something unknown, or values whose types do not fit.
        """
        check = self._checks.get(type(node))
        if check is None:
            words = "has syntax that expressions do not support: use names, values, operators and the listed functions"
            raise WrongExpressionError(_PARTS.get(type(node), words))
        return check(node)

    def _check_constant(self, node: ast.Constant) -> Kind:
        value = node.value
        if value is None:
            return Kind.NULL
        if isinstance(value, bool):
            return Kind.YES_NO
        try:
            if isinstance(value, str):
                limit_text(value)
                return Kind.TEXT
            if isinstance(value, int | float):
                NUMBERS.create_decimal(repr(value) if isinstance(value, float) else value)
                return Kind.NUMBER
        except (ArithmeticError, FailedExpressionError):
            raise WrongExpressionError("has a value that is too large: write a smaller one") from None
        raise WrongExpressionError("has a value of an unsupported type: write a text, a number, true or false")

    def _check_name(self, node: ast.Name) -> Kind:
        if node.id in CONSTANTS:
            return Kind.NULL if CONSTANTS[node.id] is None else Kind.YES_NO
        if node.id in self._names:
            return self._names[node.id]
        if node.id in FUNCTIONS:
            raise WrongExpressionError(f"names the function `{node.id}` without arguments: write `{node.id}(…)`")
        meant = suggest_name(node.id, self._names).rstrip(".")
        raise WrongExpressionError(
            f"names `{node.id}`, which is neither a field of the customer nor an attribute{meant or ': correct it'}"
        )

    def _check_arithmetic(self, node: ast.BinOp) -> Kind:
        sign = ARITHMETIC.get(type(node.op))
        if sign is None:
            raise _refuse_operator(node.op)
        left, right = self.find_kind(node.left), self.find_kind(node.right)
        kinds = {left, right} - {Kind.ANY, Kind.NULL}
        # Python would repeat a text with * and format it with %, so only + takes texts.
        fitting = [{Kind.NUMBER}] if sign != "+" else [{Kind.NUMBER}, {Kind.TEXT}]
        if kinds and kinds not in fitting:
            raise WrongExpressionError(
                f"uses `{sign}` with {left.value} and {right.value}, but it takes "
                f"{'two numbers or two texts' if sign == '+' else 'two numbers'}: convert with `number` or `text`"
            )
        return next(iter(kinds), Kind.ANY if sign == "+" else Kind.NUMBER)

    def _check_unary(self, node: ast.UnaryOp) -> Kind:
        if isinstance(node.op, ast.Not):
            return self._check_condition(node.operand, "not")
        if not isinstance(node.op, ast.USub | ast.UAdd):
            raise _refuse_operator(node.op)
        kind = self.find_kind(node.operand)
        if kind not in {Kind.NUMBER, Kind.ANY}:
            raise WrongExpressionError(
                f"has {kind.value} after a plus or minus sign, where only a number may be: correct it"
            )
        return Kind.NUMBER

    def _check_logic(self, node: ast.BoolOp) -> Kind:
        for value in node.values:
            self._check_condition(value, "and" if isinstance(node.op, ast.And) else "or")
        return Kind.YES_NO

    def _check_condition(self, node: ast.expr, word: str) -> Kind:
        kind = self.find_kind(node)
        if kind not in {Kind.YES_NO, Kind.ANY, Kind.NULL}:
            raise WrongExpressionError(
                f"uses `{word}` with {kind.value}, but it takes conditions: compare it, as in `sub_status == 'active'`"
            )
        return Kind.YES_NO

    def _check_comparison(self, node: ast.Compare) -> Kind:
        left = self.find_kind(node.left)
        for operator, right_node in zip(node.ops, node.comparators, strict=True):
            if type(operator) in MEMBER:
                left = self._check_membership(left, operator, right_node)
                continue
            right = self.find_kind(right_node)
            sign = EQUAL.get(type(operator)) or ORDER.get(type(operator))
            if sign is None:
                raise _refuse_operator(operator)
            self._check_pair(left, right, sign)
            left = right
        return Kind.YES_NO

    def _check_membership(self, left: Kind, operator: ast.cmpop, node: ast.expr) -> Kind:
        sign = MEMBER[type(operator)]
        if not isinstance(node, ast.List | ast.Tuple | ast.Set) or not node.elts:
            raise WrongExpressionError(
                f"has no list after `{sign}`: write one, as in `sub_status in ['active', 'paused']`, or use `contains`"
            )
        for item in node.elts:
            self._check_pair(left, self.find_kind(item), sign)
        return Kind.ANY

    def _check_pair(self, left: Kind, right: Kind, sign: str) -> None:
        if Kind.NULL in {left, right}:
            raise WrongExpressionError(f"compares with null (`{sign}`), which is never true: use `is_empty(…)`")
        if sign in ORDER.values() and Kind.YES_NO in {left, right}:
            raise WrongExpressionError(f"compares true and false by `{sign}`, but they have no order: use `==`")
        if Kind.ANY in {left, right} or left is right:
            return
        remedy = "convert one with `number` or `text`"
        if Kind.DATE in {left, right}:
            remedy = "write a date as `date('2026-01-31')`"
        raise WrongExpressionError(
            f"compares {left.value} with {right.value} (`{sign}`), which are never equal: {remedy}"
        )

    def _check_choice(self, node: ast.IfExp) -> Kind:
        self._check_condition(node.test, "if")
        return self._join_kinds([self.find_kind(node.body), self.find_kind(node.orelse)], "`if … else`")

    def _check_call(self, node: ast.Call) -> Kind:
        if not isinstance(node.func, ast.Name):
            self.find_kind(node.func)
            raise WrongExpressionError("calls something that is not a function: use the listed functions")
        name = node.func.id
        function = FUNCTIONS.get(name)
        if function is None:
            meant = suggest_name(name, FUNCTIONS).rstrip(".")
            known = f": use one of {', '.join(FUNCTIONS)}"
            raise WrongExpressionError(f"calls `{name}`, which is not a function{meant or known}")
        self._check_arguments(name, function, node)
        kinds = [self.find_kind(one) for one in node.args]
        for position, kind in enumerate(kinds):
            takes = function.takes[min(position, len(function.takes) - 1)]
            if kind not in takes | {Kind.ANY, Kind.NULL}:
                words = " or ".join(sorted(one.value for one in takes))
                raise WrongExpressionError(
                    f"passes {kind.value} to `{name}`, which takes {words}: convert it with `number`, `text` or `date`"
                )
        self._check_date(name, node)
        return function.gives or self._join_kinds(kinds, f"`{name}`")

    def _check_arguments(self, name: str, function: Function, node: ast.Call) -> None:
        most = None if function.repeats else len(function.takes)
        least = len(function.takes) - function.optional
        count = len(node.args)
        is_odd = node.keywords or any(isinstance(one, ast.Starred) for one in node.args)
        if is_odd or count < least or (most is not None and count > most):
            takes = f"{least} or more" if most is None else str(least) if least == most else f"{least} or {most}"
            raise WrongExpressionError(f"calls `{name}` with the wrong arguments: it takes {takes}")

    def _check_date(self, name: str, node: ast.Call) -> None:
        """Reject a constant that is not a date. It would fail for all customers."""
        if name == "date" and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
            try:
                parse_date(node.args[0].value.strip())
            except ValueError:
                raise WrongExpressionError("has a text in `date` that is not a date: write it as 2026-01-31") from None

    def _join_kinds(self, kinds: Iterable[Kind], where: str) -> Kind:
        known = {kind for kind in kinds if kind not in {Kind.ANY, Kind.NULL}}
        if len(known) > 1:
            words = " and ".join(sorted(kind.value for kind in known))
            raise WrongExpressionError(f"mixes {words} in {where}: convert them to one type with `number` or `text`")
        return next(iter(known), Kind.ANY)


def _refuse_operator(operator: ast.AST) -> WrongExpressionError:
    sign = _OTHERS[type(operator)]
    return WrongExpressionError(
        f"has the operator `{sign}`, which is not supported: use {' '.join((*ARITHMETIC.values(), *EQUAL.values()))} "
        f"{' '.join(ORDER.values())} in, and, or, not"
    )
