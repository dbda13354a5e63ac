"""Words that lead to a person: names, postal addresses, dates of birth; English and Chinese.

Names and addresses have no check digits, and lists of names are never whole. So a name counts where
a word beside it says so ("Mr", "Dear", "name:"), or where a frequent given name stands before
another capitalised word. What that misses is measured in `benchmarks/personal_data.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from auditkit.methods.personal_names import (
    GIVEN,
    SURNAMES,
    SURNAMES_ZH,
    SURNAMES_ZH_TWO,
    listed,
)
from auditkit.methods.personal_numbers import Span, compiled

#: A capitalised word, also with an apostrophe or a hyphen in it.
_WORD = r"(?:[A-Z][a-z]{1,20}(?:['’-][A-Z][a-z]{1,20})?|O['’][A-Z][a-z]{1,20}|Mc[A-Z][a-z]{1,20})"
_INITIAL = r"(?:[A-Z]\.? )"
_TITLED = compiled(
    rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Madam|Rev|Dear)\.? "
    rf"{_INITIAL}{{0,2}}({_WORD})(?: {_WORD}){{0,2}}"
)
#: After a word that announces a name, it may be any; after "name" alone, a listed one.
_ANNOUNCED = compiled(
    r"(?:\b(?:full|first|last|given|family|maiden|middle|sur|patient|customer|client|employee|"
    r"applicant|contact|holder|user|student|guest|passenger|cardholder|borrower|tenant|member|"
    rf"recipient) ?name(?: is)?[\s:=]{{1,3}}|\bsurname[\s:=]{{1,3}}|\b(?:my|her|his|whose) name is "
    rf"|\bsigned[\s:]{{1,3}}|\bregards,\s{{1,3}})({_WORD})(?: {_WORD}){{0,3}}",
    re.IGNORECASE,
)
_NAMED = compiled(rf"\b[Nn]ame[\s:=]{{1,3}}({_WORD})((?: {_INITIAL}?{_WORD}){{0,3}})")
_PAIR = compiled(rf"\b({_WORD})(?: (?:[A-Z]\.?))? (?=({_WORD})\b)")
#: What follows a given name and is no surname.
_NO_SURNAME = listed(
    "Street St Avenue Ave Road Rd Lane Drive Court Place Square Way Hill Park Bridge River Lake "
    "Island County City University College School Hospital Church Airport Station Hotel Bank "
    "Group Inc Ltd Llc Corp Company Limited Institute Museum Theatre Stadium Award Prize Cup "
    "Day Bay Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March "
    "April May June July August September October November December Is Was Has And Or The Of In "
    "On At To For With Texas Florida York England America North South East West Islands Beach "
    "Springs Falls Valley Wood Castle House Hall Garden Gardens Town Model Edition Series "
    "Version Suite Building Plan Law Act Test Method Algorithm Index Theorem Syndrome Disease "
    "Report Club United Center Centre"
)
#: Words that no title stands before as a name: "Dear Sir", "Dear Customer".
_NO_NAME = listed(
    "Sir Sirs Madam Customer Customers Team All Friend Friends Colleague Colleagues Hiring "
    "Editor Support Client Member Members Guest User Valued Reader Readers Parents Students "
    "Lord God Diary Santa Company Committee Applicant The And Or Strangelove Pepper"
)
_GIVEN_ZH = r"[\u4e00-\u9fff]{1,2}"
_SURNAME_ZH = rf"(?:{'|'.join(SURNAMES_ZH_TWO)}|[{SURNAMES_ZH}])"
_TITLED_ZH = compiled(
    rf"{_SURNAME_ZH}[\u4e00-\u9fff]{{0,2}}?(?:先生|女士|小姐|太太|老师|医生|大夫|教授|经理|主任|律师|"
    r"护士|同学|师傅|阿姨|叔叔|博士|总监|警官|法官)"
)
_ANNOUNCED_ZH = compiled(
    r"(?:姓名|名字|我叫|本人|联系人|收件人|收货人|寄件人|申请人|负责人|经办人|患者|客户|户主|持卡人|投保人|"
    rf"被保险人|借款人|法定代表人|签名|签字)(?:是|为|叫)?[\s:：]{{0,3}}(?:{_SURNAME_ZH}{_GIVEN_ZH})"
    r"(?![\u4e00-\u9fff]{6})"
)
#: Chinese words that start with a surname and stand before a title without being a name.
_NO_NAME_ZH = listed(
    "高级 高中 任何 项目 金牌 安全 成年 单身 时尚 时任 白衣 方便 常务 常年 关键 "
    "向导 管理 成都 江苏 安徽 全体 华裔 石油 汽车 马上 习惯 查房 牛仔 温柔 严厉 "
    "万能 段位 路过 曲艺 包工 文学 文科 明星 钱包 易怒 容易 田径 毛笔 古典 强势 "
    "解剖 边防 房产 车间 祖国 梅花 庄重 焦急 盛装"
)
#: Words that end the name of a street, most of them of USPS Publication 28, appendix C1.
_STREETS = listed(
    "Alley Aly Annex Arcade Avenue Ave Av Bayou Beach Bend Bluff Bluffs Bottom Boulevard Blvd "
    "Branch Bridge Brook Brooks Burg Burgs Bypass Camp Canyon Cape Causeway Center Centers "
    "Circle Cir Circles Cliff Cliffs Close Club Common Commons Corner Corners Course Court Ct "
    "Courts Cove Coves Creek Crescent Cres Crest Cross Crossing Crossroad Curve Dale Dam Divide "
    "Drive Dr Drives Estate Estates Expressway Extension Extensions Fall Falls Ferry Field "
    "Fields Flat Flats Ford Fords Forest Forge Forges Fork Forks Fort Freeway Garden Gardens "
    "Gateway Glen Glens Green Greens Grove Groves Harbor Harbors Haven Heights Highway Hwy Hill "
    "Hills Hollow Inlet Island Islands Isle Junction Junctions Key Keys Knoll Knolls Lake Lakes "
    "Land Landing Lane Ln Light Lights Loaf Lock Locks Lodge Loop Mall Manor Manors Meadow "
    "Meadows Mews Mill Mills Mission Motorway Mount Mountain Mountains Neck Orchard Oval "
    "Overpass Parade Park Parks Parkway Parkways Pkwy Pass Passage Path Pike Pine Pines Place "
    "Pl Plain Plains Plaza Point Points Port Ports Prairie Radial Ramp Ranch Rapid Rapids Rest "
    "Ridge Ridges River Road Rd Roads Route Row Run Shoal Shoals Shore Shores Skyway Spring "
    "Springs Spur Spurs Square Sq Squares Station Stravenue Stream Street St Streets Summit "
    "Terrace Ter Throughway Trace Track Trafficway Trail Tunnel Turnpike Underpass Union Unions "
    "Valley Valleys Via Viaduct View Views Village Villages Ville Vista Walk Walks Wall Way "
    "Ways Well Wells Yard"
)
_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|"
    "NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|"
    "PR|VI|GU|AS|MP|MH|AA|AE|AP"
)
_ADDRESSES = tuple(
    compiled(pattern)
    for pattern in (
        rf"(?<![\w.,$€£#-])\d{{1,5}}[A-Za-z]? (?:[NSEW]\.? )?(?:{_WORD} ){{1,3}}"
        rf"(?:{'|'.join(sorted(_STREETS))})\b(?! of\b)",
        rf"\b{_WORD}(?: {_WORD}){{0,2}},? (?:{_STATES}) \d{{5}}(?:-\d{{4}})?(?!\d)",
        r"\b(?:P\.? ?O\.? ?|(?:PSC|Unit) \d{1,5},? )Box \d{1,6}\b",
        r"\b(?:[BEGLMNSW]|[A-PR-UWYZ][A-HK-Y])\d[\dA-HJKMNPR-Y]? \d[ABD-HJLNP-UW-Z]{2}\b",
        r"[\u4e00-\u9fff]{2}(?:路|街|大道|道|巷|弄|胡同|村) ?"
        r"(?:\d{1,5}|[A-Za-z]|[一二三四五六七八九十百]{1,4}) ?(?:号(?!线|楼层)|弄|座|栋|幢|室)",
        r"[\u4e00-\u9fff]{2}(?:小区|花园|公寓|苑|家园|新村) ?\d{1,4} ?(?:号楼|栋|幢|座)",
    )
)
_MONTHS = (
    "Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?|"
    "Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?"
)
_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE = compiled(
    r"(?<![\w.])(?:"
    r"(?P<y1>\d{4})[-/.](?P<m1>\d{1,2})[-/.](?P<d1>\d{1,2})|"
    r"(?P<a2>\d{1,2})[-/.](?P<b2>\d{1,2})[-/.](?P<y2>\d{4}|\d{2})|"
    rf"(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?[ -](?P<m3>{_MONTHS})\.?,?[ -](?P<y3>\d{{4}})|"
    rf"(?P<m4>{_MONTHS})\.? (?P<d4>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y4>\d{{4}})|"
    r"(?P<y5>\d{4}) ?年 ?(?P<m5>\d{1,2}) ?月 ?(?P<d5>\d{1,2}) ?日"
    r")(?![\w/-]{0,1}\d)",
    re.IGNORECASE,
)
_BORN = compiled(
    r"(?:\bborn\b|\bbirth|\bd\.? ?o\.? ?b\b|出生|生日|生于|诞生)[^0-9\n]{0,24}$", re.IGNORECASE
)
_BORN_AFTER = compiled(r"\s{0,2}(?:出生|生(?!效|产|成|活)|\(?born\b)")


def person_names(text: str) -> Iterator[Span]:
    """Find names of people, with a title, announced, or a listed given name with a surname.

    Example:
        >>> list(person_names("Dear Ms Okafor, I met Susan Quist on Monday."))
        [(0, 14), (22, 33)]
        >>> len(list(person_names("联系人：王小明，请找李经理")))
        2
    """
    yield from _english_names(text)
    for match in _TITLED_ZH.finditer(text):
        if match.group()[:2] not in _NO_NAME_ZH:
            yield match.span()
    for match in _ANNOUNCED_ZH.finditer(text):
        yield match.span()


def _english_names(text: str) -> Iterator[Span]:
    for match in _TITLED.finditer(text):
        if match.group(1) not in _NO_NAME:
            yield match.span()
    for match in _ANNOUNCED.finditer(text):
        if match.group(1)[:1].isupper() and match.group(1) not in _NO_NAME:
            yield match.span()
    for match in _NAMED.finditer(text):
        words = [match.group(1), *match.group(2).split()]
        if any(word in GIVEN or word in SURNAMES for word in words):
            yield match.span()
    for match in _PAIR.finditer(text):
        first, last = match.group(1), match.group(2)
        if first in GIVEN and last not in _NO_SURNAME | _STREETS:
            yield match.start(), match.end(2)


def postal_addresses(text: str) -> Iterator[Span]:
    """Find postal addresses: a house number with a street, a town with its code, 路 with 号.

    Example:
        >>> list(postal_addresses("Lives at 12 Old Mill Road, Leeds."))
        [(9, 25)]
        >>> len(list(postal_addresses("北京市海淀区中关村大街27号")))
        1
    """
    for pattern in _ADDRESSES:
        for match in pattern.finditer(text):
            yield match.span()


def birth_dates(text: str) -> Iterator[Span]:
    """Find dates that a word beside them calls a date of birth; other dates are nobody's.

    Example:
        >>> list(birth_dates("born 5 March 1980, hired 2001-02-03, DOB: 1999-02-30"))
        [(5, 17)]
    """
    for match in _DATE.finditer(text):
        before = text[max(0, match.start() - 40) : match.start()]
        is_birth = _BORN.search(before) or _BORN_AFTER.match(text, match.end())
        if is_birth and _is_day(match):
            yield match.span()


def _is_day(match: re.Match[str]) -> bool:
    """Whether the calendar has this day, and a person can have been born on it."""
    held = {key: value for key, value in match.groupdict().items() if value}
    if "y2" in held:
        full = int(held["y2"]) + (0 if len(held["y2"]) == 4 else 1900)
        a, b = int(held["a2"]), int(held["b2"])
        return _exists(full, a, b) or _exists(full, b, a)
    year, month, day = (next(v for k, v in held.items() if k[0] == part) for part in "ymd")
    if not month.isdigit():
        month = str(_MONTH_NAMES.index(month[:3].lower()) + 1)
    return _exists(int(year), int(month), int(day))


def _exists(year: int, month: int, day: int) -> bool:
    try:
        return 1880 <= date(year, month, day).year <= 2100
    except ValueError:
        return False
