"""Secrets in texts: as they are, and in the encodings that programs use."""

import base64
import json
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from domain.model.masking import MASK, Masking

SECRET = 'p4ss/wörd+with "quotes"'
ENCODINGS: dict[str, Callable[[str], str]] = {
    "Base64": lambda text: base64.b64encode(text.encode()).decode(),
    "Base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "Base64 without padding": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal in capitals": lambda text: text.encode().hex().upper(),
    "percent-encoding": quote,
    "percent-encoding of everything": lambda text: quote(text, safe=""),
    "a form": quote_plus,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_secret_is_masked_in_every_encoding(encoding: str):
    encoded = ENCODINGS[encoding](SECRET)
    masked = Masking([SECRET]).mask(f"token={encoded};")
    assert MASK in masked
    assert encoded not in masked


@pytest.mark.parametrize("user", ["", "a", "ann", "anna", "somebody"])
@pytest.mark.parametrize("rest", ["", "x", "xy"])
def test_a_secret_is_masked_at_each_place_of_a_longer_base64_text(user: str, rest: str):
    credentials = base64.b64encode(f"{user}:{SECRET}{rest}".encode()).decode()
    masked = Masking([SECRET]).mask(f"Authorization: Basic {credentials}")
    shown = masked.removeprefix("Authorization: Basic ").replace(MASK, "")
    assert MASK in masked
    assert len(shown) <= len(base64.b64encode(f"{user}:{rest}".encode())) + 4, "only what stands around it is left"


def test_the_lines_of_a_secret_are_masked_in_every_encoding():
    masking = Masking(["first line\nsecond line"])
    for encode in ENCODINGS.values():
        assert "second" not in masking.mask(encode("second line"))
    assert base64.b64encode(b"second line").decode() not in masking.mask(base64.b64encode(b"second line").decode())


def test_other_texts_stay_as_they_are():
    text = "GET /index.html 200 c2Vjb25k 6162636465 %20 \\n"
    assert Masking([SECRET, "abc", "root"]).mask(text) == text


def test_masking_a_megabyte_of_a_log_takes_a_fraction_of_a_second_with_100_secrets():
    masking = Masking([f"s3cret-{number:03}-value" for number in range(100)])
    lines = ["2026-01-01 GET /index.html HTTP/1.1 200 1234 Mozilla/5.0"] * 18_000
    started = time.process_time()
    assert masking.mask_all(lines) is lines
    assert time.process_time() - started < 2


def test_thousands_of_lines_in_secrets_are_masked_without_their_encodings():
    masking = Masking(["\n".join(f"line-{number}-of-it" for number in range(50_000))])
    assert masking.mask("line-49999-of-it") == MASK
    assert len(masking._secrets) < 52_000
