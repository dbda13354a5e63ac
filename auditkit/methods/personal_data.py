"""Personal data in texts: which kinds of it a text holds, never what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from auditkit.evidence import Metric
from auditkit.methods import personal_numbers as numbers
from auditkit.methods import personal_words as words
from auditkit.methods.personal_numbers import Span, compiled

#: Longest part of a text that is read; unit: characters.
MOST_CHARACTERS = 20_000
_EMAIL = compiled(
    r"(?<![\w.+%-])[A-Za-z0-9_.+%-]{1,64}+@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![\w-]|:[\w/])"
)
#: Wide digits, letters and "@" of Chinese typing to narrow ones.
_WIDE = (range(0xFF10, 0xFF1A), range(0xFF20, 0xFF3B), range(0xFF41, 0xFF5B))
_NARROW = {wide: wide - 0xFEE0 for held in _WIDE for wide in held}
_DIGITS = compiled(r"\d.?\d|:[0-9A-Fa-f]{0,4}:")


def emails(text: str) -> Iterator[Span]:
    """Find e-mail addresses.

    Example:
        >>> list(emails("write to ada@example.org, not to @ada"))
        [(9, 24)]
    """
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield match.span()


#: Kind to what finds it, those that are surer first: what one found, no later one sees.
FINDERS: dict[str, Callable[[str], Iterator[Span]]] = {
    "email": emails,
    "iban": numbers.ibans,
    "birth_date": words.birth_dates,
    "mac_address": numbers.mac_addresses,
    "national_number": numbers.national_numbers,
    "payment_card": numbers.payment_cards,
    "ip_address": numbers.ip_addresses,
    "phone": numbers.phones,
    "postal_address": words.postal_addresses,
    "person_name": words.person_names,
}
#: Kinds that cannot be where there is no number.
_NUMERIC = frozenset(FINDERS) - {"email", "postal_address", "person_name"}
#: Kind to its name within a sentence.
KINDS = {
    "email": "e-mail address",
    "phone": "phone number",
    "payment_card": "payment card number",
    "iban": "bank account (IBAN)",
    "national_number": "national number",
    "person_name": "name of a person",
    "postal_address": "postal address",
    "birth_date": "date of birth",
    "ip_address": "internet address (IP)",
    "mac_address": "device address (MAC)",
}
ANY = Metric(
    "personal_data_share",
    "Rows with personal data in them",
    "Share of rows in which some column of text holds at least one of the kinds looked for.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
BY_KIND = {
    kind: Metric(
        f"personal_{kind}_share",
        f"Rows with {'an' if title[0] in 'aeiou' else 'a'} {title}",
        "Share of rows in which a column of text holds one, by form"
        + (", check digits" if kind in {"payment_card", "iban", "national_number"} else "")
        + " and the words beside it.",
        "rate",
        better="lower",
        low=0.0,
        high=1.0,
    )
    for kind, title in KINDS.items()
}


def kinds(text: str) -> frozenset[str]:
    """Find which kinds of personal data a text holds.

    Args:
        text: Any text; its first `MOST_CHARACTERS` characters are read, wide digits and letters as
            narrow ones. The time grows as the text does, whatever it is.

    Returns:
        The kinds, of those in `FINDERS`. One place is of one kind only.

    Example:
        >>> sorted(kinds("Mail ada@example.org or call (212) 555-0187"))
        ['email', 'phone']
        >>> kinds("nothing here")
        frozenset()
    """
    text = text[:MOST_CHARACTERS].translate(_NARROW)
    has_digits = _DIGITS.search(text) is not None
    held = set()
    for kind, finder in FINDERS.items():
        if kind in _NUMERIC and not has_digits:
            continue
        spans = list(finder(text))
        if spans:
            held.add(kind)
            text = _without(text, spans)
    return frozenset(held)


def _without(text: str, spans: list[Span]) -> str:
    """The text of the same length with a bar in place of what was found."""
    characters = list(text)
    for start, end in spans:
        characters[start:end] = "|" * (end - start)
    return "".join(characters)
