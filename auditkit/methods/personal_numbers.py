"""Numbers that lead to a person: cards, accounts, national numbers, phones, network addresses.

A number is taken for one only if its form, its check digits and, where these are weak, a word
before it say so. Every pattern is bounded, so that the time grows as the text does.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stdnum import iban, luhn
from stdnum.bg import egn
from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.cn import ric
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.dk import cpr
from stdnum.es import dni, nie
from stdnum.exceptions import ValidationError
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.jp import in_ as my_number
from stdnum.kr import rrn
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.ro import cnp
from stdnum.se import personnummer
from stdnum.tr import tckimlik
from stdnum.us import ssn
from stdnum.za import idnr as za_id

from auditkit.methods.personal_names import listed

#: Where something was found in a text.
Span = tuple[int, int]
#: Characters before a number in which a word about it is looked for.
BEFORE = 32
#: A number does not start or end within a longer one, or within a word.
_START, _END = r"(?<![0-9A-Za-z_.+-])", r"(?![0-9A-Za-z_]|[.-]\d)"


def compiled(pattern: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """Compile a pattern whose words and digits are ASCII: Chinese may touch what is looked for."""
    return re.compile(pattern, flags | re.ASCII)


#: Words that say that the number after them leads to a thing, not to a person.
_THING = compiled(
    r"(?:order|invoice|reference|ref|ticket|tracking|serial|sku|isbn|issn|batch|model|version|"
    r"article|part|product|case|build|release|lot|doi|ean|upc|订单|单号|编号|货号|型号|序列号|批号|"
    r"发票|流水|版本)[\s:#.=：号]{0,3}(?:number|no|nr|id|code|is|为|是)?[\s:#.=：]{0,3}$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Number:
    """How a national number is written and checked.

    Attributes:
        country: Two letters.
        pattern: How it is written.
        is_valid: Whether its check digits, and what else is fixed, are right.
        cue: What has to stand before it where form and check say too little; or None.
    """

    country: str
    pattern: re.Pattern[str]
    is_valid: Callable[[str], bool]
    cue: re.Pattern[str] | None = None


def _number(
    country: str, pattern: str, is_valid: Callable[[str], bool], cue: str | None = None
) -> Number:
    asked = None if cue is None else compiled(rf"(?:{cue})[^0-9\n]{{0,20}}$", re.IGNORECASE)
    return Number(country, compiled(_START + pattern + _END), is_valid, asked)


#: First two digits of a Chinese resident identity number: the province.
_PROVINCES = listed(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 "
    "65 71 81 82 83 91"
)


def _is_resident(number: str) -> bool:
    """Whether province, birth date and check (ISO 7064, MOD 11-2) are right.

    The county is not asked: it need not have existed on the day of birth.
    """
    try:
        ric.get_birth_date(number)
    except ValidationError:
        return False
    return number[:2] in _PROVINCES and ric.calc_check_digit(number) == number[-1].upper()


def _is_nino(number: str) -> bool:
    """Whether the prefix of a United Kingdom national insurance number is one that is given out."""
    return number[:2] not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}


_ID = r"national id|identity|identification|citizen|personal (?:id|number|code)|\bid (?:no|number)"
_TAX = r"tax (?:id|number|file)|taxpayer|\btin\b"
#: National numbers by what tells them: first those whose form says enough, then those with a cue.
NATIONAL = (
    _number("cn", r"[1-9]\d{5}(?:18|19|20)\d{9}[\dXx]", _is_resident),
    _number("us", r"\d{3}-\d{2}-\d{4}", ssn.is_valid),
    _number("gb", r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]", _is_nino),
    _number("es", r"\d{8}-?[A-HJ-NP-TV-Z]", dni.is_valid),
    _number("es", r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]", nie.is_valid),
    _number("fr", r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}",
            nir.is_valid),
    _number("it", r"[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z]", codicefiscale.is_valid),
    _number("fi", r"\d{6}[-+A]\d{3}[0-9A-Y]", hetu.is_valid),
    _number("se", r"(?:19|20)?\d{6}[-+]\d{4}", personnummer.is_valid),
    _number("dk", r"\d{6}-\d{4}", cpr.is_valid, rf"\bcpr|{_ID}"),
    _number("kr", r"\d{6}-[1-8]\d{6}", rrn.is_valid),
    _number("br", r"\d{3}\.\d{3}\.\d{3}-\d{2}", cpf.is_valid),
    _number("cz", r"\d{6}/\d{3,4}", rc.is_valid),
    _number("us", r"\d{9}", ssn.is_valid, r"\bssn\b|social security"),
    _number("br", r"\d{11}", cpf.is_valid, r"\bcpf\b"),
    _number("de", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", idnr.is_valid,
            rf"steuer[- ]?id|identifikationsnummer|idnr|{_TAX}"),
    _number("nl", r"\d{9}", bsn.is_valid, rf"\bbsn\b|burgerservicenummer|{_ID}"),
    _number("pl", r"\d{11}", pesel.is_valid, rf"\bpesel\b|{_ID}"),
    _number("no", r"\d{6} ?\d{5}", fodselsnummer.is_valid, rf"f[øo]dselsnummer|{_ID}"),
    _number("ro", r"[1-9]\d{12}", cnp.is_valid, rf"\bcnp\b|{_ID}"),
    _number("bg", r"\d{10}", egn.is_valid, rf"\begn\b|{_ID}"),
    _number("tr", r"[1-9]\d{10}", tckimlik.is_valid, rf"kimlik|{_ID}"),
    _number("za", r"\d{13}", za_id.is_valid, _ID),
    _number("in", r"[2-9]\d{3} ?\d{4} ?\d{4}", aadhaar.is_valid, rf"aadhaar|\buid\b|{_ID}"),
    _number("jp", r"\d{4} ?\d{4} ?\d{4}", my_number.is_valid, r"my number|マイナンバー|個人番号"),
    _number("ca", r"\d{3}[ -]?\d{3}[ -]?\d{3}", sin.is_valid, r"\bsin\b|social insurance"),
    _number("gb", r"\d{3}[ -]?\d{3}[ -]?\d{4}", nhs.is_valid, r"\bnhs\b"),
)  # fmt: skip
_CARD = compiled(
    _START + r"(?:\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|3\d{3}([ -])\d{6}\2\d{4,5}|\d{13,19})" + _END
)
_SCHEME = compiled(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|"
    r"3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35\d{14}|62\d{14,17}"
)
_IBAN = compiled(_START + r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?" + _END)
_MAC = compiled(_START + r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}" + _END)
_IPV4 = compiled(r"(?<![0-9A-Za-z_.])\d{1,3}(?:\.\d{1,3}){3}(?![0-9A-Za-z_]|\.\d)")
_IPV6 = compiled(r"(?<![0-9A-Za-z_:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![0-9A-Za-z_:])")
_VERSION = compiled(
    r"(?:\bv|version|ver\.?|release|build|section|firmware|update|chapter|§|版本|第)[\s:#.]{0,3}$",
    re.IGNORECASE,
)
_PHONES = tuple(
    compiled(pattern)
    for pattern in (
        # International, with a plus.
        r"(?<![0-9A-Za-z_.+])\+[1-9]\d{0,2}[ .-]?(?:\(0?\d{0,4}\)[ .-]?)?\d(?:[ .-]?\d){5,13}"
        r"(?!\w)",
        # North American, in three parts.
        r"(?<![0-9A-Za-z_.+-])(?:(?:\+|00)?1[ .-]?)?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}"
        r"[ .-]\d{4}(?:x\d{1,6})?(?![\w-]|\.\d)",
        # British, with its leading 0.
        r"(?<![0-9A-Za-z_.+-])\(?0(?:\d{2}(?:\)| |\) )\d{4} ?\d{4}|\d{3}(?:\)| |\) )\d{3} ?\d{4}|"
        r"\d{4}(?:\)| |\) )\d{3} ?\d{3})(?![\w-])",
        # Chinese, landline and mobile in parts.
        r"(?<![0-9A-Za-z_.+-])\(?0(?:10|2\d|[3-9]\d{2})\)?[- ]\d{7,8}(?![\w-])",
        r"(?<![0-9A-Za-z_.+-])1[3-9]\d[- ]\d{4}[- ]\d{4}(?![\w-])",
    )
)
_MOBILE = compiled(
    r"(?<![0-9A-Za-z_.+-])1(?:3\d|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])\d{8}"
    r"(?![0-9A-Za-z_]|[.-]\d)"
)
_BARE = compiled(r"(?<![0-9A-Za-z_.+-])\(?\d{3,5}\)?[ .-]?\d{3}[ .-]?\d{3,5}(?:x\d{1,6})?(?![\w-])")
_CALL = compiled(
    r"(?:phone|tel|telephone|mobile|cell|call|contact|my number|fax|whatsapp|sms|text me|"
    r"reach (?:me|us)|电话|手机|联系方式|联系电话|致电|传真|座机|热线|号码)[^0-9\n]{0,16}$",
    re.IGNORECASE,
)
_CHINESE = compiled(r"[\u4e00-\u9fff]")


def _before(text: str, start: int) -> str:
    return text[max(0, start - BEFORE) : start]


def _is_thing(text: str, start: int) -> bool:
    return _THING.search(_before(text, start)) is not None


def payment_cards(text: str) -> Iterator[Span]:
    """Find payment cards: length and first digits of a scheme, and the Luhn check.

    Example:
        >>> list(payment_cards("card 4111 1111 1111 1111, order 4111 1111 1111 1112"))
        [(5, 24)]
    """
    for match in _CARD.finditer(text):
        digits = re.sub(r"[ -]", "", match.group())
        plausible = _SCHEME.fullmatch(digits) and len(set(digits)) > 1
        if plausible and luhn.is_valid(digits) and not _is_thing(text, match.start()):
            yield match.span()


def ibans(text: str) -> Iterator[Span]:
    """Find bank accounts: the form of the country, and the remainder by 97.

    Example:
        >>> list(ibans("pay to GB82 WEST 1234 5698 7654 32 or GB83 WEST 1234 5698 7654 32"))
        [(7, 34)]
    """
    for match in _IBAN.finditer(text):
        # A word of capitals may follow the account: take away its end until it is one.
        parts = match.group().split(" ")
        for last in range(len(parts), 0, -1):
            held = " ".join(parts[:last])
            if iban.is_valid(held, check_country=False):
                yield match.start(), match.start() + len(held)
                break


def national_numbers(text: str) -> Iterator[Span]:
    """Find national numbers of 21 countries by form and check digits; see `NATIONAL`.

    Example:
        >>> list(national_numbers("身份证 11010519491231002X, 110105194912310021"))
        [(4, 22)]
    """
    for number in NATIONAL:
        for match in number.pattern.finditer(text):
            before = _before(text, match.start())
            if number.cue is not None and not number.cue.search(before):
                continue
            is_thing = number.cue is None and _THING.search(before) is not None
            if not is_thing and number.is_valid(match.group()):
                yield match.span()


def mac_addresses(text: str) -> Iterator[Span]:
    """Find hardware addresses of devices.

    Example:
        >>> list(mac_addresses("from 00:1B:44:11:3A:B7"))
        [(5, 22)]
    """
    for match in _MAC.finditer(text):
        if len(set(match.group())) > 2:  # all zeros, or all ones, is nobody's
            yield match.span()


def ip_addresses(text: str) -> Iterator[Span]:
    """Find internet addresses of version 4 and 6 that can belong to somebody.

    Example:
        >>> list(ip_addresses("from 203.0.113.7, version 1.2.3.4, at 12:30:45"))
        [(5, 16)]
    """
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            is_version = _VERSION.search(_before(text, match.start())) is not None
            if not is_version and _is_address(match.group()):
                yield match.span()


def _is_address(written: str) -> bool:
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast)


def phones(text: str) -> Iterator[Span]:
    """Find phone numbers: North American, British, Chinese, and any with a plus.

    A number without a plus and without parts counts only where a word before it says so; a Chinese
    mobile number also within Chinese text.

    Example:
        >>> sorted(set(phones("Call 5551234567 or (212) 555-0187; order 5551234568")))
        [(5, 15), (19, 33)]
    """
    for pattern in _PHONES:
        for match in pattern.finditer(text):
            digits = sum(c.isdigit() for c in match.group())
            if 8 <= digits <= 20 and not _is_thing(text, match.start()):
                yield match.span()
    for match in _MOBILE.finditer(text):
        before = _before(text, match.start())
        chinese = _CHINESE.search(text[max(0, match.start() - 40) : match.end() + 40])
        if _CALL.search(before) or (chinese and not _THING.search(before)):
            yield match.span()
    for match in _BARE.finditer(text):
        digits = sum(c.isdigit() for c in match.group())
        before = _before(text, match.start())
        if 9 <= digits <= 17 and _CALL.search(before) and not _THING.search(before):
            yield match.span()
