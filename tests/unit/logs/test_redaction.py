"""No secret is left, in whatever form it comes."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ballast.logs.redaction import REDACTED, SHORTEST_SECRET, Redactor, is_sensitive
from ballast.model.errors import ConfigError

CANARY = "Kq7/" + "vZ+3mPx9TbR2"
FORMS: dict[str, Callable[[str], str]] = {
    "itself": str,
    "its beginning": lambda secret: secret[:SHORTEST_SECRET],
    "most of it": lambda secret: secret[:-1],
    "hex": lambda secret: secret.encode().hex(),
    "HEX": lambda secret: secret.encode().hex().upper(),
    "base64": lambda secret: b64encode(secret.encode()).decode(),
    "base64 for URLs": lambda secret: urlsafe_b64encode(secret.encode()).decode(),
    "base64 behind one byte": lambda secret: b64encode(b"u" + secret.encode() + b"z").decode(),
    "base64 behind two bytes": lambda secret: b64encode(b"u:" + secret.encode() + b"zz").decode(),
    "base64 behind a name": lambda secret: b64encode(b"user:" + secret.encode()).decode(),
    "percent encoding": lambda secret: quote(secret, safe=""),
    "form encoding": quote_plus,
}


def remains(secret: str, text: str) -> list[str]:
    """Return the forms of the secret, or of its first bytes, that can still be found."""
    data = secret.encode()
    forms = (secret[:SHORTEST_SECRET], data.hex(), b64encode(data).decode().rstrip("=")[:-1], quote(secret, safe=""))
    return [form for form in forms if form in text]


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_a_known_secret_is_found_in_every_form(form: Callable[[str], str]) -> None:
    text = Redactor([CANARY]).redacted(f"before {form(CANARY)} after")
    assert REDACTED in text
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert remains(CANARY, text) == []


def test_base64_of_a_longer_text_gives_nothing_of_the_secret_away() -> None:
    for before in range(6):
        for after in range(4):
            encoded = b64encode(b"n" * before + CANARY.encode() + b"m" * after).decode()
            redacted = Redactor([CANARY]).redacted(encoded)
            longest_part = max(redacted.split(REDACTED), key=len)
            assert REDACTED in redacted
            assert len(longest_part) <= before * 8 // 6 + after * 8 // 6 + 8


secrets = st.text(st.characters(codec="utf-8"), min_size=SHORTEST_SECRET, max_size=60)


@given(secrets, st.text(max_size=20), st.text(max_size=20), st.sampled_from(list(FORMS)))
def test_no_secret_survives(secret: str, before: str, after: str, form: str) -> None:
    text = Redactor([secret]).redacted(before + FORMS[form](secret) + after)
    # What surrounds it may spell its beginning again only where the mark itself does.
    assert secret not in text or secret in REDACTED


@given(st.lists(secrets, min_size=2, max_size=4), st.randoms())
def test_several_secrets_in_one_line_are_all_found(found: list[str], order: object) -> None:
    text = Redactor(found).redacted(" | ".join(found))
    assert [secret for secret in found if secret in text and secret not in f"{REDACTED} | {REDACTED}"] == []


@pytest.mark.parametrize(
    "line",
    [
        "api_key=V4LU3V4LU3",
        "apiKey: V4LU3V4LU3",
        '{"api_secret": "V4LU3V4LU3"}',
        "{'password': 'V4LU3V4LU3 with blanks'}",
        "BYBIT_API_SECRET=V4LU3V4LU3&x=1",
        "https://x.org/?recvWindow=1&signature=V4LU3V4LU3",
        "sign=V4LU3V4LU3",
        "X-BAPI-SIGN: V4LU3V4LU3",
        "Authorization: Bearer V4LU3V4LU3",
        "authorization=V4LU3V4LU3",
        "Set-Cookie: V4LU3V4LU3",
        "https://user:V4LU3V4LU3@example.org/x",
        "postgresql://ballast:V4LU3V4LU3@db/journal",
        "listen_token=V4LU3V4LU3",
        "-----BEGIN RSA PRIVATE " + "KEY-----\nV4LU3V4LU3\n-----END RSA PRIVATE " + "KEY-----",
        "-----BEGIN PRIVATE " + "KEY-----\nV4LU3V4LU3 and never ends",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJWNExVM1Y0TFUzIn0.V4LU3V4LU3",
    ],
)
def test_what_looks_like_a_secret_is_taken_out_unknown(line: str) -> None:
    redacted = Redactor().redacted(line)
    assert "V4LU3" not in redacted
    assert REDACTED in redacted


@pytest.mark.parametrize(
    "line",
    [
        "filled 0.5 BTCUSDT at 60000.1, fee 3.3",
        "signal=LONG design=x assigned=3",
        "the key question is the token economy",
        "https://api.bybit.com/v5/market/kline?symbol=BTCUSDT",
        "keyword=3 monkey=4 hotkey=5",
        "a basic idea",
    ],
)
def test_ordinary_lines_stay_as_they_are(line: str) -> None:
    assert Redactor([CANARY]).redacted(line) == line


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("api_key", True),
        ("API_SECRET", True),
        ("db_password", True),
        ("passphrase", True),
        ("refresh_token", True),
        ("token_2", True),
        ("Authorization", True),
        ("signature", True),
        ("sign", True),
        ("symbol", False),
        ("signal", False),
        ("design", False),
        ("key", False),
        ("tick", False),
        ("", False),
    ],
)
def test_a_field_is_sensitive_by_its_name(name: str, expected: bool) -> None:
    assert is_sensitive(name) == expected


def test_a_secret_too_short_to_be_told_apart_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigError, match="a secret of 5 characters") as caught:
        Redactor(["abcde"])
    assert "abcde" not in str(caught.value)


def test_a_redactor_does_not_show_what_it_knows() -> None:
    assert CANARY not in repr(Redactor([CANARY])) + str(Redactor([CANARY]))


def test_a_long_line_of_almost_names_takes_no_time() -> None:
    assert Redactor().redacted("api_" * 2_000 + "x") == "api_" * 2_000 + "x"
