"""Secret values, kept out of what people read."""

from collections.abc import Iterable, Sequence

MASK = "********"
CUT = "…"
_SHORTEST = 4  # masking shorter ones would hide everything else


class Masking:
    """Hides these values, and every line of those that have several."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        lines = {line.strip() for value in values for line in (value, *value.splitlines())}
        self._hidden = tuple(sorted({line for line in lines if len(line) >= _SHORTEST}, key=len, reverse=True))

    def masked(self, text: str) -> str:
        """The text without any hidden value."""
        for value in self._hidden:
            text = text.replace(value, MASK)
        return self._without_beginning(text) if text.endswith(CUT) else text

    def all_masked(self, texts: Sequence[str]) -> Sequence[str]:
        """As `masked`, for many at once: nearly always nothing is to be hidden, and one search finds that."""
        joined = "\n".join(texts)
        if CUT in joined or any(value in joined for value in self._hidden):
            return [self.masked(text) for text in texts]
        return texts

    def _without_beginning(self, text: str) -> str:
        """Where a text was cut off, a hidden value may stand with its beginning only."""
        kept = text.removesuffix(CUT)
        for value in self._hidden:
            at = kept.find(value[:_SHORTEST], max(0, len(kept) - len(value)))
            while at != -1:
                if value.startswith(kept[at:]):
                    return kept[:at] + MASK + CUT
                at = kept.find(value[:_SHORTEST], at + 1)
        return text
