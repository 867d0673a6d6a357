"""The language of `only_customers` and `attributes`: what each expression gives, or the sentence that refuses it."""

from __future__ import annotations

import ast
import time
import tracemalloc
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from standpipe_maps.expressions.checker import WrongExpressionError
from standpipe_maps.expressions.evaluator import check_expression
from standpipe_maps.expressions.functions import FUNCTIONS
from standpipe_maps.expressions.kinds import MAX_BYTES, FailedExpressionError, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
NAMES = {
    "email": Kind.TEXT,
    "company": Kind.TEXT,
    "sub_status": Kind.TEXT,
    "cust_mrr": Kind.NUMBER,
    "cf_seats": Kind.NUMBER,
    "cf_score": Kind.NUMBER,
    "cf_vip": Kind.YES_NO,
    "cf_region": Kind.TEXT,
    "signed_up_at": Kind.DATE,
    "trial_end": Kind.DATE,
    "cf_any": Kind.ANY,
    "cf_long": Kind.TEXT,
}
VALUES: Mapping[str, Any] = {
    "email": "Ann@Example.com",
    "company": " Ash Ltd ",
    "sub_status": "active",
    "cust_mrr": Decimal("49.90"),
    "cf_seats": 7,
    "cf_score": None,
    "cf_vip": True,
    "cf_region": None,
    "signed_up_at": "2023-11-14T22:13:20+00:00",
    "trial_end": None,
    "cf_any": "gold",
    "cf_long": "é" * (MAX_BYTES // 2),
}
#: Expressions and their results.
RESULTS: list[tuple[str, Any]] = [
    ("sub_status == 'active'", True),
    ("sub_status != 'active'", False),
    ("sub_status in ['active', 'in_trial']", True),
    ("sub_status not in ['active']", False),
    ("cust_mrr > 49", True),
    ("10 < cust_mrr <= 49.9", True),
    ("cust_mrr * 12", Decimal("598.80")),
    ("cust_mrr + 0.1", Decimal("50.00")),
    ("-cf_seats", Decimal(-7)),
    ("cf_seats % 2", Decimal(1)),
    ("cf_seats / 2 - 1", Decimal("2.5")),
    ("cf_vip and cust_mrr > 0", True),
    ("not cf_vip or cf_seats >= 7", True),
    ("'big' if cf_seats > 5 else 'small'", "big"),
    ("'vip' if cf_vip else null", "vip"),
    ("company + '!'", " Ash Ltd !"),
    ("trim(company) + ' (' + text(cf_seats) + ')'", "Ash Ltd (7)"),
    ("text(cust_mrr)", "49.9"),
    ("text(cf_vip)", "true"),
    ("text(signed_up_at)", "2023-11-14"),
    ("text(1.50 + 1.50)", "3"),
    ("number('12.5') * 2", Decimal(25)),
    ("lower(email)", "ann@example.com"),
    ("upper(sub_status)", "ACTIVE"),
    ("after(lower(email), '@')", "example.com"),
    ("before(email, '@')", "Ann"),
    ("after(email, '#')", None),
    ("ends_with(email, '.com')", True),
    ("starts_with(email, 'ann')", False),
    ("contains(lower(company), 'ash')", True),
    ("length(sub_status)", Decimal(6)),
    ("first(sub_status, 3)", "act"),
    ("round(cust_mrr)", Decimal(50)),
    ("round(cust_mrr / 7, 2)", Decimal("7.13")),
    ("floor(cust_mrr)", Decimal(49)),
    ("ceil(cust_mrr)", Decimal(50)),
    ("abs(0 - cf_seats)", Decimal(7)),
    ("min(cf_seats, cust_mrr, 9)", Decimal(7)),
    ("max(date('2024-01-01'), signed_up_at)", datetime(2024, 1, 1, tzinfo=UTC)),
    ("coalesce(cf_region, 'unknown')", "unknown"),
    ("is_empty(cf_region)", True),
    ("is_empty(email)", False),
    ("signed_up_at < date('2024-01-31')", True),
    ("days_since(signed_up_at)", Decimal(793)),
    ("days_until(date('2026-02-01'))", Decimal(17)),
    ("year(signed_up_at)", Decimal(2023)),
    ("month(today())", Decimal(1)),
    ("add_days(today(), 1)", datetime(2026, 1, 16, tzinfo=UTC)),
    # Null: comparing it is false, calculating with it gives null, and as a condition it is false.
    ("cf_score > 5", False),
    ("cf_score <= 5", False),
    ("cf_region != 'EU'", False),
    ("cf_region not in ['EU']", False),
    ("not cf_score > 5", True),
    ("cf_score + 1", None),
    ("days_since(trial_end)", None),
    ("trial_end < today()", False),
    ("cf_any == 'gold'", True),
    ("true and not false", True),
    ("cf_vip == True", True),
    ("sub_status in ('paused', cf_any)", False),
]
#: Expressions and the rest of the sentence that refuses them at the start.
WRONG: list[tuple[str, str]] = [
    (
        "sub_statu == 'active'",
        "names `sub_statu`, which is neither a field of the customer nor an attribute: did you mean `sub_status`?",
    ),
    ("xyzzy > 1", "names `xyzzy`, which is neither a field of the customer nor an attribute: correct it"),
    ("lower == 'a'", "names the function `lower` without arguments: write `lower(…)`"),
    ("lowr(email)", "calls `lowr`, which is not a function: did you mean `lower`?"),
    ("lower()", "calls `lower` with the wrong arguments: it takes 1"),
    ("round(cust_mrr, 1, 2)", "calls `round` with the wrong arguments: it takes 1 or 2"),
    ("min()", "calls `min` with the wrong arguments: it takes 1 or more"),
    ("lower(text=email)", "calls `lower` with the wrong arguments: it takes 1"),
    (
        "lower(cust_mrr)",
        "passes a number to `lower`, which takes a text: convert it with `number`, `text` or `date`",
    ),
    (
        "cust_mrr == '49'",
        "compares a number with a text (`==`), which are never equal: convert one with `number` or `text`",
    ),
    (
        "signed_up_at > '2024-01-31'",
        "compares a date with a text (`>`), which are never equal: write a date as `date('2026-01-31')`",
    ),
    ("signed_up_at > date('31.1.2024')", "has a text in `date` that is not a date: write it as 2026-01-31"),
    ("cf_region == null", "compares with null (`==`), which is never true: use `is_empty(…)`"),
    ("cf_vip > cf_vip", "compares true and false by `>`, but they have no order: use `==`"),
    (
        "email * 3",
        "uses `*` with a text and a number, but it takes two numbers: convert with `number` or `text`",
    ),
    (
        "'%1000000000d' % cf_seats",
        "uses `%` with a text and a number, but it takes two numbers: convert with `number` or `text`",
    ),
    (
        "email + cf_seats",
        "uses `+` with a text and a number, but it takes two numbers or two texts: convert with `number` or `text`",
    ),
    (
        "9 ** 9 ** 9",
        "has the operator `**`, which is not supported: use + - * / % == != < <= > >= in, and, or, not",
    ),
    (
        "1 << 9999",
        "has the operator `<<`, which is not supported: use + - * / % == != < <= > >= in, and, or, not",
    ),
    (
        "cf_region is null",
        "has the operator `is`, which is not supported: use + - * / % == != < <= > >= in, and, or, not",
    ),
    (
        "email.lower()",
        "has a dot after a value, but values have no attributes or methods: use the listed functions",
    ),
    (
        "email.__class__",
        "has a dot after a value, but values have no attributes or methods: use the listed functions",
    ),
    (
        "email[0]",
        "has square brackets after a value, which is not supported: use `first`, `before` or `after`",
    ),
    ("f'{email}'", "has an f-string, which is not supported: join texts with +"),
    (
        "[x for x in [1]]",
        "has syntax that expressions do not support: use names, values, operators and the listed functions",
    ),
    (
        "lambda: 1",
        "has syntax that expressions do not support: use names, values, operators and the listed functions",
    ),
    (
        "open('/etc/passwd')",
        "calls `open`, which is not a function: use one of " + ", ".join(FUNCTIONS),
    ),
    ("(lower)(email)(1)", "calls something that is not a function: use the listed functions"),
    (
        "email and cf_vip",
        "uses `and` with a text, but it takes conditions: compare it, as in `sub_status == 'active'`",
    ),
    (
        "sub_status in cf_region",
        "has no list after `in`: write one, as in `sub_status in ['active', 'paused']`, or use `contains`",
    ),
    (
        "['a']",
        "has a list in a wrong place: a list may only follow `in`, as in `sub_status in ['active', 'paused']`",
    ),
    (
        "email if cf_vip else 1",
        "mixes a number and a text in `if … else`: convert them to one type with `number` or `text`",
    ),
    ("b'a'", "has a value of an unsupported type: write a text, a number, true or false"),
    ("9" * 200, "has a value that is too large: write a smaller one"),
    ("sub_status = 'active'", "is not a valid expression (invalid syntax"),
    ("import os", "is not a valid expression (invalid syntax"),
    ("'a", "is not a valid expression (unterminated string literal"),
    ("'\\d' == email", "is not a valid expression (invalid escape sequence"),
    ("\0", "is not a valid expression"),
    ("", "is empty: write an expression, or remove the setting"),
    ("cf_vip or " * 100 + "cf_vip", "is longer than 1,000 characters: shorten it"),
    ("-" * 300 + "1", "is nested more than 50 levels deep: simplify it"),
    ("(" * 300 + "1" + ")" * 300, "is not a valid expression (too many nested parentheses): correct it"),
]
#: Expressions that fail for this customer, and why.
FAILING = [
    ("cust_mrr / (cf_seats - 7)", "a division by zero"),
    ("number(email)", "a text is not a number"),
    ("date(email) < today()", "a text is not a date such as 2026-01-31"),
    ("cf_any > 5", "it compares values of different types"),
    ("cf_any * 5", "a value is not a number"),
    ("cf_long + 'a'", "a text is longer than 10,000 bytes"),
    ("upper(cf_long + cf_long)", "a text is longer than 10,000 bytes"),
    ("1e90 * 1e90", "a number is too large, or cannot be computed"),
    ("round(cust_mrr, 0 - 1)", "the second argument of round is not a whole number from 0 to 10"),
    ("add_days(today(), 1e9)", "a date is outside of the calendar"),
    ("year(cf_any)", "a function got a value of the wrong type"),
]


def compute(text: str, values: Mapping[str, Any] = VALUES) -> Any:
    """Check an expression and compute it."""
    return check_expression(text, NAMES).evaluate(values.__getitem__, NOW)


@pytest.mark.parametrize(("text", "result"), RESULTS, ids=[text for text, _ in RESULTS])
def test_what_an_expression_gives(text: str, result: Any) -> None:
    """Each expression gives its value, of its type."""
    found = compute(text)
    assert (found, type(found)) == (result, type(result))


@pytest.mark.parametrize(("text", "sentence"), WRONG, ids=[text[:40].replace("\0", "nul") for text, _ in WRONG])
def test_what_refuses_an_expression(text: str, sentence: str) -> None:
    """A wrong expression is refused before any customer, in words that say what to do."""
    with pytest.raises(WrongExpressionError) as refused:
        check_expression(text, NAMES)
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(("text", "why"), FAILING, ids=[text for text, _ in FAILING])
def test_what_fails_for_one_customer(text: str, why: str) -> None:
    """An expression that has no result for one customer says why, without any value."""
    with pytest.raises(FailedExpressionError) as failed:
        compute(text)
    assert str(failed.value) == why


@pytest.mark.parametrize(
    ("text", "kind", "sentence"),
    [
        ("cust_mrr", Kind.YES_NO, "is a number but must be true or false: compare it, as in `cust_mrr > 0`"),
        ("sub_status", Kind.NUMBER, "is a text but must be a number: convert it with `number` or `text`"),
    ],
    ids=["filter", "attribute"],
)
def test_the_kind_of_the_result(text: str, kind: Kind, sentence: str) -> None:
    """The result must have the kind that its setting needs."""
    with pytest.raises(WrongExpressionError) as refused:
        check_expression(text, NAMES, kind)
    assert str(refused.value) == sentence


def test_only_what_is_needed_is_read() -> None:
    """A name behind an `or` that is already decided is not read."""
    read = []
    expression = check_expression("cf_vip or cust_mrr > 5", NAMES)
    expression.evaluate(lambda name: read.append(name) or VALUES[name], NOW)  # type: ignore[func-returns-value]
    assert (read, set(expression.names)) == (["cf_vip"], {"cf_vip", "cust_mrr"})


def test_values_of_another_type_than_declared_fail() -> None:
    """A value that has another type than its name, or is huge, fails for its customer."""
    for name, value in (("cust_mrr", "5"), ("email", 5), ("cf_vip", "true"), ("cust_mrr", Decimal("1e999999"))):
        with pytest.raises(FailedExpressionError):
            compute(f"is_empty({name})", {**VALUES, name: value})


ATOMS = st.one_of(
    st.sampled_from([*NAMES, "null", "true", "1e99", "9" * 90, "''", "'%s'", "'a' * 9", "today()", "__import__"]),
    st.text(max_size=20).map(repr),
    st.integers().map(str),
    st.floats().map(repr),
)
OPERATORS = ["+", "-", "*", "/", "%", "//", "**", "<<", "==", "!=", "<", "in", "not in", "and", "or", "is", "|", "@"]


def build_larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return expressions made of smaller ones."""
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(OPERATORS), inner),
        st.builds("{}({})".format, st.sampled_from([*FUNCTIONS, "eval", "open", "str", "int"]), inner),
        st.builds("{}({}, {})".format, st.sampled_from([*FUNCTIONS, "getattr", "range"]), inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("{}.{}".format, inner, st.sampled_from(["format", "__class__", "join", "read"])),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("not {}".format, inner),
    )


EXPRESSIONS = st.recursive(ATOMS, build_larger, max_leaves=25)
HUGE = {**VALUES, "email": "x" * MAX_BYTES, "cf_any": "ß" * (MAX_BYTES // 2), "company": "@" * MAX_BYTES}
WORST = "+".join(["upper(email)", *["lower(upper(company))"] * 40])


def measure(text: str) -> tuple[float, int]:
    """Check and compute an expression; return the seconds of the processor and the bytes at the peak."""
    tracemalloc.start()
    before = time.process_time()
    try:
        check_expression(text, NAMES).evaluate(HUGE.__getitem__, NOW)
    except (WrongExpressionError, FailedExpressionError):
        pass
    finally:
        seconds = time.process_time() - before
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return seconds, peak


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.one_of(EXPRESSIONS, st.text(max_size=60)))
@example("(" * 199 + "1" + ")" * 199)
@example("-" * 999)
@example("'" + "a" * 997 + "'")
@example(" or ".join(["contains(email, 'xxxxxxxxy')"] * 30))
@example(WORST[:999])
@example("+".join(["1"] * 499))
@example("[" * 500)
@example("lower(" * 45 + "email" + ")" * 45)
def test_no_expression_takes_much_time_or_memory(text: str) -> None:
    """Whatever a user writes, it takes less than 100 ms and 10 MB, and any error is one of the two that are handled."""
    seconds, peak = measure(text)
    # The measurement of memory itself makes everything several times slower.
    assert (seconds < 0.1, peak < 10_000_000) == (True, True)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=EXPRESSIONS)
@example("open('/etc/passwd')")
@example("().__class__.__base__.__subclasses__()")
@example("__import__('os').system('id')")
@example("getattr(email, 'format')('{0.__class__}')")
def test_an_accepted_expression_calls_only_listed_functions(text: str) -> None:
    """An accepted expression has no attribute and calls nothing but the listed functions, so it reads no file."""
    try:
        check_expression(text, NAMES)
    except WrongExpressionError:
        return
    nodes = list(ast.walk(ast.parse(text, mode="eval")))
    assert not any(isinstance(node, ast.Attribute | ast.Subscript | ast.JoinedStr | ast.Lambda) for node in nodes)
    called = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    assert called <= FUNCTIONS.keys()
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    assert names <= NAMES.keys() | FUNCTIONS.keys() | {"null", "true", "nan", "inf"}


def test_every_function_is_in_the_documents() -> None:
    """docs/attributes.md has a line for each function, with what it means."""
    text = (Path(__file__).parents[2] / "docs/attributes.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| `") and "(" in line.partition("|")[2][:16]]
    found = {line.partition("`")[2].partition("(")[0]: line.split(" | ")[-1].removesuffix(" |") for line in lines}
    assert found == {name: function.meaning for name, function in FUNCTIONS.items()}
