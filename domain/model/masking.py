"""Masking: secret values are removed from texts that people read, also in the usual encodings."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote, quote_plus

MASK = "********"
CUT = "…"
_SHORTEST = 4  # masking shorter values would make texts unreadable
_SHORTEST_ENCODED = 6  # bytes; encodings of shorter values are parts of other words
_LONGEST_ENCODED = 4096  # characters
_MOST_ENCODED = 100  # values: each form costs a search over every line of a log that is followed


class Masking:
    """Masks these values, and each line of values that have several lines, as they are and encoded.

    The encodings are Base64 (at any place of a longer text, as in Basic authentication), hexadecimal, percent-encoding
    and the escapes of JSON, of up to 100 values of at most 4,096 characters.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        lines = {line.strip() for value in values for line in (value, *value.splitlines())}
        plain = {line for line in lines if len(line) >= _SHORTEST}
        usual = sorted(line for line in plain if len(line) <= _LONGEST_ENCODED)[:_MOST_ENCODED]
        encoded = {form for line in usual for form in encodings(line) if len(form) >= _SHORTEST}
        self._secrets = tuple(sorted(plain | encoded, key=lambda secret: (-len(secret), secret)))

    def mask(self, text: str) -> str:
        """Return the text with all values masked."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return self._mask_cut_end(text) if text.endswith(CUT) else text

    def mask_all(self, texts: Sequence[str]) -> Sequence[str]:
        """Mask many texts. Most have nothing to mask, which one search over all of them finds out."""
        joined = "\n".join(texts)
        if CUT in joined or any(secret in joined for secret in self._secrets):
            return [self.mask(text) for text in texts]
        return texts

    def _mask_cut_end(self, text: str) -> str:
        """Mask the start of a value at the place where a text was cut off."""
        kept = text.removesuffix(CUT)
        for secret in self._secrets:
            at = kept.find(secret[:_SHORTEST], max(0, len(kept) - len(secret)))
            while at != -1:
                if secret.startswith(kept[at:]):
                    return kept[:at] + MASK + CUT
                at = kept.find(secret[:_SHORTEST], at + 1)
        return text


def encodings(secret: str) -> Iterator[str]:
    """Yield the forms that a secret has in texts for machines, besides its own."""
    data = secret.encode(errors="replace")
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    for quoted in (
        quote(secret, errors="replace"),
        quote(secret, "", errors="replace"),
        quote_plus(secret, errors="replace"),
    ):
        yield from (quoted, _lower_escapes(quoted))
    if len(data) >= _SHORTEST_ENCODED:
        yield from (data.hex(), data.hex().upper())
        yield from _base64_forms(data)


def _lower_escapes(quoted: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda escape: escape[0].lower(), quoted)


def _base64_forms(data: bytes) -> Iterator[str]:
    """Yield the letters of Base64 that depend on the data alone, for each of the three places where it can begin.

    Of the letters at both ends, some bits belong to what stands before and after.
    """
    for before in range(3):
        whole = base64.b64encode(bytes(before) + data).decode()
        first = (before * 8 + 5) // 6
        last = (before + len(data)) * 8 // 6
        yield whole[first:last]
        yield whole[first:last].translate(_URL_SAFE)


_URL_SAFE = str.maketrans("+/", "-_")
