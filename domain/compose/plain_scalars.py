"""Unquoted YAML scalars as compose prints them: `010` is 8, `1.50` is 1.5, `True` is true.

Compose reads `environment` and `labels` with go-yaml 3, which resolves numbers and booleans of YAML 1.2 and the
integers of YAML 1.1, and formats them with Go's `%v`.
"""

import re
from decimal import Decimal
from math import isinf

_BOOLEANS = {"true": "true", "True": "true", "TRUE": "true", "false": "false", "False": "false", "FALSE": "false"}
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NUMBER = re.compile(r"[-+]?\.?[0-9][0-9a-fA-FxXoO_.eE+-]{0,300}")
_SPECIAL = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_BASES = {"0x": 16, "0b": 2, "0o": 8}


def resolve(text: str) -> str:
    """Return what an unquoted scalar becomes as an environment variable or label."""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    special = _SPECIAL.fullmatch(text)
    if special:
        return ("-Inf" if special[1] == "-" else "+Inf") if text[-1] in "fF" else "NaN"
    return _resolve_number(text) if _NUMBER.fullmatch(text) else text


def _resolve_number(text: str) -> str:
    digits = text.replace("_", "")
    if _INTEGER.fullmatch(digits):
        number = _integer(digits)
        if -(2**63) <= number < 2**64:
            return str(number)
    if not _FLOAT.fullmatch(digits) or isinf(float(digits)):
        return text
    return _format_float(float(digits))


def _integer(digits: str) -> int:
    sign = -1 if digits.startswith("-") else 1
    number = digits.lstrip("+-")
    base = _BASES.get(number[:2].lower())
    if base:
        return sign * int(number[2:], base)
    return sign * int(number, 8 if number.startswith("0") and number != "0" else 10)


def _format_float(number: float) -> str:
    """Format like Go's `%v`: the shortest digits, with an exponent below 1e-4 and from 1e6 on."""
    shortest = Decimal(repr(number)).normalize()
    exponent = shortest.adjusted()
    if number == 0 or -4 <= exponent < 6:
        return format(shortest, "f")
    sign, digits, _ = shortest.as_tuple()
    return _scientific(sign, digits, exponent)


def _scientific(sign: int, digits: tuple[int, ...], exponent: int) -> str:
    first, rest = digits[0], "".join(map(str, digits[1:]))
    mantissa = f"{first}.{rest}" if rest else str(first)
    return f"{'-' if sign else ''}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02}"
