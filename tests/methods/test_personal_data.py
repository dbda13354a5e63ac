"""Personal data in texts: what is found, what is not taken for it, and how long it takes."""

from __future__ import annotations

import time

import pytest
from labelled_texts import labelled
from personal_data import lines, too_low

from auditkit.methods import personal_data
from auditkit.methods.personal_data import BY_KIND, FINDERS, KINDS, kinds


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        # Examples of the standards and registers themselves.
        ("身份证 11010519491231002X", "national_number"),  # GB 11643-1999
        (
            "身份证号：" + "".join(chr(ord(c) + 0xFEE0) for c in "11010519491231002X"),
            "national_number",
        ),
        ("Documento 12345678Z", "national_number"),  # Spain, the usual DNI
        ("NINO AB 12 34 56 C", "national_number"),
        ("PESEL: 44051401359", "national_number"),  # Poland
        ("Aadhaar 2341 2341 2346", "national_number"),
        ("NHS number 943 476 5919", "national_number"),  # NHS Data Dictionary
        ("GB82 WEST 1234 5698 7654 32", "iban"),  # ISO 13616
        ("DE89370400440532013000 als Konto", "iban"),
        ("4111 1111 1111 1111", "payment_card"),
        ("378282246310005", "payment_card"),
        ("ada.lovelace+news@mail.example.co.uk", "email"),
        ("请联系张@或ada@example.org。", "email"),
        ("+86 138 0013 8000", "phone"),
        ("手机13800138000", "phone"),
        ("020 7946 0958", "phone"),
        ("from 2001:db8::8a2e:370:7334", "ip_address"),
        ("00-1B-44-11-3A-B7", "mac_address"),
        ("生于1980年3月5日", "birth_date"),
        ("DOB: 05/03/80", "birth_date"),
        ("上海市浦东新区世纪大道100号", "postal_address"),
        ("PO Box 1234", "postal_address"),
        ("London SW1A 1AA", "postal_address"),
        ("Dear Mrs O'Brien", "person_name"),
        ("我叫欧阳娜娜", "person_name"),
        ("customer name: Wang Wei", "person_name"),
    ],
)
def test_each_kind_is_found(text: str, kind: str) -> None:
    assert kinds(text) == {kind}


@pytest.mark.parametrize(
    "text",
    [
        "身份证 110105194912310021",  # the check fails
        "身份证 11010519491331002X",  # no thirteenth month
        "IBAN GB83 WEST 1234 5698 7654 32",
        "card 4111 1111 1111 1112",
        "order no. 4111111111111111",
        "SSN 000-12-3456",
        "PESEL: 44051401358",
        "44051401359",  # right by its check, which one number of ten passes
        "v1.2.3.4 and 12:30:45",
        "from 127.0.0.1",
        "hired on 1980-03-05",
        "born 1999-02-30",
        "ISBN 978-3-16-148410-0",
        "Victoria Station, Jordan River",
        "Dear Sir or Madam,",
        "高级经理和任何同学",
        "地铁2号线",
        "",
    ],
)
def test_what_only_looks_like_it_is_not_taken_for_it(text: str) -> None:
    assert kinds(text) == frozenset()


def test_a_place_is_of_one_kind_only() -> None:
    assert kinds("+49 30 901820") == {"phone"}
    assert kinds("james.smith@example.org") == {"email"}


def test_every_kind_has_a_finder_a_name_and_a_metric() -> None:
    assert set(KINDS) == set(FINDERS) == set(BY_KIND)
    assert all(metric.id.startswith("personal_") for metric in BY_KIND.values())


def test_precision_and_recall_stay_above_their_floors() -> None:
    found = list(lines(labelled(seed=1, each=60, without=300)))
    assert len(found) == 2 * len(KINDS)
    assert [f"{line.kind} {line.language}" for line in found if too_low(line)] == []


#: Starts of matches that never end: what makes careless patterns try for hours.
HOSTILE = (
    *("a", "1", "1 ", "1-", "a@", "a.", "A ", "Aa ", "1.", "1:", ":", "王", "王先", "中路1", "Mr "),
    *("name: ", "+1 ", "(0", "GB82 ", "1111 ", "12 Aa Bb Cc ", "O'", "12/", "Susan ", "100.", " "),
    *("x@" + "a" * 60 + ".", "user name: ", "born 1"),
)


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_time_grows_as_the_text_does(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal_data, "MOST_CHARACTERS", 10**6)
    start = time.process_time()
    kinds((piece * 60_000)[:60_000])
    assert time.process_time() - start < 20  # a few hundredths; quadratic time would be minutes


def test_what_stands_beyond_the_longest_text_is_not_read() -> None:
    assert kinds(" " * personal_data.MOST_CHARACTERS + "ada@example.org") == frozenset()
