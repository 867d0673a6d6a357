"""The setting `attributes`: which attributes are left out, renamed or computed by an expression of the user."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from standpipe_maps._kit.errors import UserError
from standpipe_maps._kit.settings import suggest_name
from standpipe_maps.expressions.checker import WrongExpressionError, end_sentence, find_names, parse_expression
from standpipe_maps.expressions.evaluator import check_expression
from standpipe_maps.expressions.kinds import Kind
from standpipe_maps.subscriptions.attributes import Attribute
from standpipe_maps.subscriptions.expression_names import SCHEMA_OF, evaluate, find_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from standpipe_maps._kit.json_types import JsonObject, JsonValue
    from standpipe_maps.expressions.evaluator import Expression
    from standpipe_maps.subscriptions.expression_names import NamedValue
    from standpipe_maps.subscriptions.facts import Facts

SETTING = "attributes"
RETIRED = "x-standpipe-retired"
"""The keyword in the schema of an attribute that is not sent any more and is to be cleared."""
GUARDED = "x-standpipe-guarded"
"""The keyword in the schema of an attribute whose changes the target counts like those of the MRR or a status."""
LINK = "cust_id"
# The target decides by these whether a customer is cancelled or deleted.
DECIDING = ("cust_status", "sub_status")
_RESERVED = (LINK, *DECIDING, "created_by")
_GUARDED_ENDINGS = ("_mrr", "_status")
_NAME = re.compile(r"[^\W\d]\w{0,149}")


class OwnAttributes(NamedTuple):
    """The attributes that are sent, and those that are no longer sent. Names have no prefix."""

    sent: tuple[Attribute, ...]
    hidden: tuple[Attribute, ...] = ()
    """Of ``DECIDING``, those that are left out or renamed; their values go beside the attributes."""


def find_problems(table: Mapping[str, JsonValue]) -> Iterator[str]:
    """Yield a sentence for each entry of the setting that is wrong with any schema."""
    for name, value in table.items():
        if value is not False and not isinstance(value, str):
            yield f"The setting `{SETTING}` has {value!r} for `{name}`: write false, another name, or an expression."
        elif isinstance(value, str) and not is_name(value):
            try:
                parse_expression(value)
            except WrongExpressionError as error:
                yield end_sentence(f"The setting `{SETTING}` for `{name}` {error}")


def is_name(text: str) -> bool:
    """Return whether a text is only a name."""
    return bool(_NAME.fullmatch(text.strip()))


def list_wanted_names(table: Mapping[str, JsonValue]) -> set[str]:
    """Return all names in the expressions of the setting."""
    texts = [value for value in table.values() if isinstance(value, str)]
    return {name for text in texts for name in find_names(parse_expression(text))}


def choose_attributes(
    table: Mapping[str, JsonValue], attributes: Iterable[Attribute], names: Mapping[str, NamedValue], prefix: str
) -> OwnAttributes:
    """Return the attributes after the changes of the setting. Those that it does not name stay as they are.

    Args:
        table: the setting.
        attributes: the derived attributes.
        names: the names in expressions.
        prefix: what a name of an attribute may begin with.

    Raises:
        UserError: an entry is wrong.
    """
    derived = {one.name: one for one in attributes}
    wanted = {name.removeprefix(prefix): value for name, value in table.items()}
    sent = {name: one for name, one in derived.items() if name not in wanted}
    for name, value in wanted.items():
        for one in _change_attribute(name, value, derived, names, prefix):
            if one.name in sent:
                raise UserError(f"The setting `{SETTING}` makes two attributes `{one.name}`: rename one of them.")
            sent[one.name] = one
    hidden = tuple(derived[name] for name in DECIDING if name not in sent)
    return OwnAttributes(tuple(sent.values()), hidden)


def _change_attribute(
    name: str,
    value: JsonValue,
    derived: Mapping[str, Attribute],
    names: Mapping[str, NamedValue],
    prefix: str,
) -> Iterator[Attribute]:
    present = derived.get(name)
    if name in {LINK, "created_by"}:
        raise UserError(
            f"The setting `{SETTING}` names `{name}`, by which records are linked: take it out; the target's setting "
            "`link_attribute` can turn the link off."
        )
    if value is False:
        if present is None:
            meant = suggest_name(name, derived).rstrip(".") or ": take it out"
            raise UserError(
                end_sentence(f"The setting `{SETTING}` leaves out `{name}`, which is not an attribute{meant}")
            )
    elif present and is_name(value):
        yield _rename_attribute(present, value.strip(), names, prefix)
    else:
        yield _compute_attribute(name, value, present, names)


def _rename_attribute(present: Attribute, text: str, names: Mapping[str, NamedValue], prefix: str) -> Attribute:
    new = text.removeprefix(prefix)
    if new in _RESERVED:
        raise UserError(
            f"The setting `{SETTING}` renames `{present.name}` to `{new}`, which is needed: choose another."
        )
    if text in names:
        raise UserError(
            f"The setting `{SETTING}` has `{text}` for `{present.name}`, which is also the name of a value: to rename, "
            f"choose another name; to show that value, write it in parentheses, as in `({text})`."
        )
    is_guarded = present.name.endswith(_GUARDED_ENDINGS) and not new.endswith(_GUARDED_ENDINGS)
    return present._replace(name=new, type={**present.type, GUARDED: True} if is_guarded else present.type)


def _compute_attribute(name: str, text: str, present: Attribute | None, names: Mapping[str, NamedValue]) -> Attribute:
    if name in DECIDING:
        raise UserError(
            f"The setting `{SETTING}` computes `{name}`, by which the target decides: compute another attribute."
        )
    if not is_name(name):
        raise UserError(f"The setting `{SETTING}` names an attribute `{name}`: use letters, digits and underscores.")
    kinds = {key: one.kind for key, one in names.items()}
    try:
        expression = check_expression(text, kinds, find_kind(present.type) if present else None)
    except WrongExpressionError as error:
        raise UserError(end_sentence(f"The setting `{SETTING}` for `{name}` {error}")) from None
    if expression.kind in {Kind.ANY, Kind.NULL}:
        raise UserError(
            f"The setting `{SETTING}` for `{name}` is {expression.kind.value}, so the attribute has no type: "
            "convert it with `number`, `text` or `date`."
        )
    description = present.description if present else "Computed from Chargebee's data"
    return Attribute(name, SCHEMA_OF[expression.kind], description, f"`{text}`", _make_reader(expression, names))


def _make_reader(expression: Expression, names: Mapping[str, NamedValue]) -> Callable[[Facts], JsonValue]:
    return lambda facts: evaluate(expression, names, facts)


def list_retired(known: Mapping[str, JsonObject], sent: Iterable[Attribute]) -> list[Attribute]:
    """Return the attributes that were sent before and are not sent any more, as ones that are always null.

    Args:
        known: the JSON schemas of attributes that are or were sent, by name.
        sent: the attributes that are sent now.
    """
    gone = known.keys() - {one.name for one in sent} - {LINK}
    return [
        Attribute(name, {**known[name], RETIRED: True}, "Not sent any more", "", lambda _: None)
        for name in sorted(gone)
    ]
