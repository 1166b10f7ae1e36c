"""Masking: secret values are removed from texts that people read."""

from collections.abc import Iterable, Sequence

MASK = "********"
CUT = "…"
_SHORTEST = 4  # masking shorter values would make texts unreadable


class Masking:
    """Masks these values, and each line of values that have several lines."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        lines = {line.strip() for value in values for line in (value, *value.splitlines())}
        self._secrets = tuple(sorted({line for line in lines if len(line) >= _SHORTEST}, key=len, reverse=True))

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
