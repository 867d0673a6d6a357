"""The setting `only_customers`: which customers take part. It is applied before the choice of the winner."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from standpipe_maps._kit.errors import UserError
from standpipe_maps.expressions.checker import WrongExpressionError, end_sentence, parse_expression
from standpipe_maps.expressions.evaluator import check_expression
from standpipe_maps.expressions.kinds import FailedExpressionError, Kind
from standpipe_maps.subscriptions import rules
from standpipe_maps.subscriptions.expression_names import evaluate
from standpipe_maps.subscriptions.facts import FactOptions, Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from standpipe_maps.expressions.evaluator import Expression
    from standpipe_maps.subscriptions.expression_names import NamedValue
    from standpipe_maps.subscriptions.records import Candidate
    from standpipe_maps.subscriptions.rules import Invoice

SETTING = "only_customers"
_PAGE = 500


def find_problem(text: str | None) -> Iterator[str]:
    """Yield a sentence if the expression is wrong with any schema."""
    try:
        if text:
            parse_expression(text)
    except WrongExpressionError as error:
        yield end_sentence(f"The setting `{SETTING}` {error}")


def check_filter(text: str, names: Mapping[str, NamedValue]) -> Expression:
    """Return the expression of the setting.

    Raises:
        UserError: it is wrong.
    """
    try:
        return check_expression(text, {key: one.kind for key, one in names.items()}, Kind.YES_NO)
    except WrongExpressionError as error:
        raise UserError(end_sentence(f"The setting `{SETTING}` {error}")) from None


class CustomerFilter:
    """Leaves out the customers for whom an expression is not true.

    Args:
        expression: the expression.
        names: the names in expressions.
        read_invoices: returns the invoices of customers, by customer.
        options: the settings for facts.
    """

    def __init__(
        self,
        expression: Expression,
        names: Mapping[str, NamedValue],
        read_invoices: Callable[[Iterable[str]], Mapping[str, Sequence[Invoice]]],
        options: FactOptions,
    ) -> None:
        self._expression, self._names, self._options = expression, names, options
        needs_invoices = any(names[name].needs_invoices for name in expression.names)
        self._read_invoices = read_invoices if needs_invoices else lambda _: {}

    def choose(
        self,
        candidates: Iterable[Candidate],
        leave_out: Callable[[Candidate], None],
        fail: Callable[[str, str], None],
    ) -> Iterator[Candidate]:
        """Yield the customers that take part, and those for whom the expression fails, with the reason.

        Args:
            candidates: the customers.
            leave_out: called with each customer that does not take part.
            fail: called with the id of each customer for whom the expression fails, and the reason.
        """
        candidates = iter(candidates)
        # One query reads the invoices of a whole page of customers.
        while page := list(islice(candidates, _PAGE)):
            invoices = self._read_invoices([one.owner.customer["id"] for one in page])
            for one in page:
                try:
                    takes_part = self._is_met(one, invoices.get(one.owner.customer["id"], ()))
                except FailedExpressionError as error:
                    fail(one.owner.customer["id"], str(error))
                    yield one._replace(failure=str(error))
                    continue
                if takes_part:
                    yield one
                else:
                    leave_out(one)

    def _is_met(self, one: Candidate, invoices: Sequence[Invoice]) -> bool:
        counted = rules.filter_invoices(invoices, one.owner.customer, one.owner.ended)
        facts = Facts(one.owner.customer, one.chosen or {}, one.counted, counted, self._options)
        return evaluate(self._expression, self._names, facts) is True
