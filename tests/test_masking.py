"""What is taken out of a text as a secret, and what is not."""

from __future__ import annotations

import json
from urllib.parse import quote_plus

import hypothesis
import pytest
from hypothesis import strategies as st

from quorum import config
from quorum.masking import Masker

C = "c4n4ry"

#: Texts, each with what is left of it.
NAMED = {
    f"GET /login?user=ann&password={C}&next=/ HTTP/1.1": "GET /login?user=ann&password=***&next=/ HTTP/1.1",
    f"Authorization: Bearer {C}.x-y": "Authorization: ***",
    f"Cookie: theme=dark; session={C}\nHost: h": "Cookie: ***\nHost: h",
    f"{{'Authorization': 'Basic {C} =='}}": "{'Authorization': ***}",
    f"[('X-Api-Key', '{C}'), ('Host', 'h')]": "[('X-Api-Key', ***), ('Host', 'h')]",
    f"ImmutableMultiDict([('password', '{C}')])": "ImmutableMultiDict([('password', ***)])",
    f'{{"new_password": "{C} \\" {C}", "age": 3}}': '{"new_password": ***, "age": 3}',
    f'{{"tokens": ["{C}", "{C}"]}}': '{"tokens": ***}',
    f'{{"credentials": {{"user": "ann", "pin": "{C}"}}}}': '{"credentials": ***}',
    f'"{{\\"secret\\": \\"{C} {C}\\"}}"': '"{\\"secret\\": ***}"',
    f"f(token='{C}', n=1)": "f(token=***, n=1)",
    f"b'client_secret={C}&grant=x'": "b'client_secret=***&grant=x'",
    f"{{'secret': b'{C}'}}": "{'secret': ***}",
    f"to mongodb://ann:{C}@h1,h2/db": "to mongodb://***@h1,h2/db",
    f"redis://:{C}@{C}@h/0": "redis://***@h/0",
    f"sent bearer {C}.{C}": "sent bearer ***",
    f"authorization=Bearer {C}.{C}, x=1": "authorization=***, x=1",
    f"GET /login?next=/reset%3Ftoken%3D{C} HTTP/1.1": "GET /login?next=/reset%3Ftoken%3D*** HTTP/1.1",
    f"-----BEGIN EC PRIVATE KEY-----\n{C}\n-----END EC": "-----BEGIN EC PRIVATE KEY-----***-----END EC",
    f"?X-Amz-Signature={C}&X-Amz-Expires=60": "?X-Amz-Signature=***&X-Amz-Expires=60",
}


@pytest.mark.promise("L1")
@pytest.mark.parametrize("text", NAMED)
def test_what_stands_behind_the_name_of_a_secret_is_masked(text):
    assert Masker().text(text) == NAMED[text]
    assert C not in Masker().text(text)


@pytest.mark.parametrize(
    "text",
    [
        "The password is too short.",
        "GET /?page=2&q=token HTTP/1.1",
        "http://example.com/a?email=ann@example.com",
        "Saved 3 posts in 12 ms: [1, 2, 3]",
        "{'title': 'My secret garden', 'tags': ['private']}",
    ],
)
def test_what_is_no_secret_stays(text):
    assert Masker().text(text) == text


def _quoted_in_lower_case(secret):
    return quote_plus(secret).lower()


@pytest.mark.promise("L1")
@pytest.mark.parametrize("shown", [str, repr, json.dumps, quote_plus, _quoted_in_lower_case])
def test_a_known_secret_is_masked_in_each_spelling(shown):
    secret = "p/w'\"\u00e9\n\\+ x"
    masker = Masker(config.spellings([secret]))
    assert masker.text(f"a {shown(secret)} b").strip("ab '\"") == "***"


@hypothesis.given(st.text(), st.text(min_size=4), st.text())
def test_a_known_secret_is_in_no_text(before, secret, behind):
    hypothesis.assume(secret not in "***")
    assert secret not in Masker([secret]).text(before + secret + behind) or secret in before + "***" + behind


@hypothesis.given(st.text(max_size=200))
def test_any_text_can_be_masked(text):
    assert isinstance(Masker(["known"]).text(text), str)


@pytest.mark.parametrize(
    "part", ["secret", "token=", "password=[", "x://", "://a@", "token=\\'", "session\\", "a", "@"]
)
def test_a_long_text_that_is_made_to_be_slow_is_masked(part):
    assert Masker(["known"]).text(part * (300_000 // len(part)))


def test_values_are_masked_in_depth_and_become_what_json_knows():
    value = {"a": [1, 1.5, None, True, f"password={C}"], "token": C, "x": {"cookie": C, "y": float("nan")}, "z": {1}}
    masked = {"a": [1, 1.5, None, True, "password=***"], "token": "***", "x": {"cookie": "***", "y": "nan"}, "z": [1]}
    assert Masker().value(value) == masked


def test_a_value_that_holds_itself_ends():
    value: list[object] = []
    value.append(value)
    assert "[...]" in str(Masker().value(value))


def test_the_name_of_a_file_in_a_traceback_is_no_name_of_a_secret():
    line = 'File "/srv/session_store.py", line 12, in read'
    assert Masker().text(line) == line
    assert Masker().text("('password', 'c4n4ry')") == "('password', ***)"
