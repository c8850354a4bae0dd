"""The marshmallow validators that a field's options mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields, validate

if TYPE_CHECKING:
    from .options import Options

# The validator, or the pattern that the whole value must match.
_FORMATS: dict[str, Callable[[], Callable[[Any], Any]]] = {
    "email": validate.Email,
    "url": lambda: validate.URL(schemes={"http", "https"}),
    "slug": lambda: validate.Regexp(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z", error="Not a valid slug."),
    "uuid": lambda: validate.Regexp(
        r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\Z", error="Not a valid UUID."
    ),
    "ipv4": lambda: _by_field(fields.IPv4()),
    "ipv6": lambda: _by_field(fields.IPv6()),
    "color": lambda: validate.Regexp(r"#[0-9a-fA-F]{6}\Z", error="Not a valid color."),
}


def _by_field(judge: fields.Field[Any]) -> Callable[[Any], Any]:
    return lambda value: judge.deserialize(value) and None


class Bounds(validate.Range):
    """The option `min` and `max`; what cannot be compared with them is not between them."""

    def __call__(self, value: Any) -> Any:
        try:
            return super().__call__(value)
        except TypeError:
            raise ValidationError("Must have no time zone.") from None  # a time: all other kinds have one order


def validators_of(options: Options) -> list[Callable[[Any], Any]]:
    """Give all of them."""
    found: list[Callable[[Any], Any]] = []
    if options.min_length is not None or options.max_length is not None:
        found.append(validate.Length(min=options.min_length, max=options.max_length))
    if options.min is not None or options.max is not None:
        found.append(Bounds(min=options.min, max=options.max))
    return found + judges_of(options)


def judges_of(options: Options) -> list[Callable[[Any], Any]]:
    """Give those that do more than compare a length or a value with numbers."""
    found: list[Callable[[Any], Any]] = []
    if options.regex is not None:
        found.append(validate.Regexp(options.regex))
    if options.choices is not None:
        found.append(validate.OneOf(list(options.choices)))
    if options.format is not None:
        found.append(_FORMATS[options.format]())
    if options.validate is not None:
        given = [options.validate] if callable(options.validate) else list(options.validate)
        found.extend(one if isinstance(one, validate.Validator) else _strict(one) for one in given)
    return found


def _strict(validator: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Take False for a refusal: `validate=lambda value: value > 3` would be no check at all."""

    def judge(value: Any) -> None:
        if validator(value) is False:
            raise ValidationError(fields.Field.default_error_messages["validator_failed"])

    return judge
