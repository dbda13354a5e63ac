"""English and Chinese texts of which it is known what personal data they hold.

People are made up by Faker, which knows nothing of how auditkit looks for them; sentences around
them are written here, about half without a word that announces what follows. Beside them stand
texts that hold nothing personal and look as if they did: order numbers, versions, prices, ISBNs,
16 digits that fail the Luhn check, years, companies, places.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from faker import Faker

#: Texts of each kind and language, and texts without any.
EACH, WITHOUT = 200, 1_500

#: Kind to the English sentences around it.
ENGLISH = {
    "email": (
        "Write to {} for a refund.",
        "{}",
        "cc: <{}>;",
        "I lost access to {} last week.",
        "Her address ({}) bounced.",
    ),
    "phone": (
        "Call me at {} after six.",
        "{}",
        "Tel: {}",
        "My number is {}, thanks",
        "Reach the desk on {} or come by.",
    ),
    "payment_card": (
        "I paid with {} yesterday.",
        "{}",
        "card number: {}",
        "The charge to {} failed.",
        "Visa {} exp 12/29",
    ),
    "iban": (
        "Transfer it to {} today.",
        "{}",
        "IBAN: {}",
        "The refund goes to account {}.",
        "Bank details {} as agreed",
    ),
    "national_number": (
        "Her number is {} as stated.",
        "{}",
        "national id number: {}",
        "The form says {} on page two.",
        "Applicant ({}) was verified.",
    ),
    "ip_address": (
        "Logged in from {} at noon.",
        "{}",
        "client {} refused",
        "Blocked: {} (spam)",
        "The request came via {}.",
    ),
    "mac_address": (
        "Device {} joined the network.",
        "{}",
        "MAC={}",
        "We saw {} twice.",
        "Ban {} for a day.",
    ),
    "person_name": (
        "Yesterday {} called about the bill.",
        "{}",
        "Dear {}, thank you for writing.",
        "Patient name: {}",
        "The offer was signed by {} in person.",
        "I spoke to {} and was told to wait.",
    ),
    "postal_address": (
        "Send it to {}.",
        "{}",
        "She moved to {} in May.",
        "address: {}",
        "The parcel for {} came back.",
    ),
    "birth_date": (
        "She was born on {}.",
        "DOB: {}",
        "date of birth {}",
        "My birthday is {}.",
        "Patient, born {}, feels well.",
    ),
}
#: Kind to the Chinese sentences around it.
CHINESE = {
    "email": ("请发邮件到{}。", "{}", "邮箱：{}", "我的账号{}登不上去了", "抄送（{}）"),
    "phone": ("请打{}找我。", "{}", "电话：{}", "我的手机号是{}，谢谢", "有事联系{}即可"),
    "payment_card": ("昨天用{}付的款。", "{}", "银行卡号：{}", "尾款已退回{}", "卡{}无法使用"),
    "iban": ("请汇到{}。", "{}", "账户：{}", "退款进入{}账户", "银行信息{}如约"),
    "national_number": (
        "身份证号码：{}",
        "{}",
        "证件{}已核验。",
        "他的号码是{}",
        "申请人（{}）通过",
    ),
    "ip_address": ("从{}登录。", "{}", "来自 {} 的请求被拒", "封禁：{}", "客户端 {} 超时"),
    "mac_address": ("设备{}已接入。", "{}", "物理地址：{}", "又看到 {} 两次", "禁用 {} 一天"),
    "person_name": (
        "昨天{}先生打来电话。",
        "姓名：{}",
        "联系人：{}",
        "我叫{}，想退货",
        "{}",
        "合同由{}当面签署。",
    ),
    "postal_address": ("请寄到{}。", "{}", "地址：{}", "她五月搬到{}了", "寄往{}的包裹被退回"),
    "birth_date": ("她生于{}。", "出生日期：{}", "生日是{}", "{}出生，身体健康", "患者{}出生"),
}
#: Sentences of nothing personal, full of what looks like it.
NOTHING_EN = (
    "Order {digits} has shipped.",
    "Invoice no. {digits} is due {day}.",
    "version {version} fixes this",
    "Upgrade to v{version} now.",
    "It cost ${price} in {year}.",
    "ISBN {book}",
    "Tracking number {wrong}",
    "reference {wrong}",
    "{wrong}",
    "Between {year} and 2031, sales doubled.",
    "{company} opened {few} shops.",
    "The meeting at {clock} on {day} is off.",
    "Page {few} of 409, section {version}",
    "Serial {uuid}",
    "He scored {few} points in {one} games.",
    "Born to run is a song of {year}.",
    "{price} {few}-{one}",
    "The Street was full of {few} people.",
    "Visit {city} in May.",
    "std::vector<int> x{few} = {{{one}}};",
    "@{word} nice",
    "{word}@ {few}",
    "{day} {clock}.{few}",
    "{digits}",
    "{sentence}",
    "A pair of {brand} in size {few}",
    "{brand} rose {few} %.",
    "The {place} is closed.",
    "Sizes {few} 512 {many}",
    "The {few} Best Green Parks of {year}",
    "{few} Angry Men",
    "Chapter {version} is long",
    "The startup was born on {day}.",
    "git clone git@example.org:team/{word}",
    "Dear Sir or Madam,",
    "Dear Team, see {few}",
    "Dear Diary",
)
NOTHING_ZH = (
    "订单{digits}已发货。",
    "单号：{digits}",
    "版本{version}修复了问题",
    "价格{price}元",
    "ISBN {book}",
    "物流单号 {wrong}",
    "{wrong}",
    "{year}年销量翻了一番",
    "{company}开了{few}家店",
    "{day} {clock} 会议取消",
    "第{few}页，共409页",
    "地铁{one}号线",
    "{one}月28号见",
    "高兴得跳了起来",
    "这条路很长",
    "温度-{one}度",
    "型号{uuid}",
    "比分{one}:{few}",
    "{one}号楼的电梯坏了",
    "王国的故事很有趣",
    "老师说明天放假",
    "{digits}",
    "{title}将出席",
    "{place_zh}很热闹",
    "公司生于{year}年",
    "第{version}节讲的是方法",
    "坐{few}路公交到{one}号站台",
    "{sentence}",
)
#: Locales whose numbers hold no date that Faker counts from today: the texts stay the same.
ABROAD = ("es_ES", "fr_FR", "it_IT", "pt_BR", "nl_NL", "tr_TR")
#: Prefixes of British national insurance numbers that are given out.
PREFIXES = ("AB", "AE", "CE", "JA", "JC", "KL", "LE", "NA", "NE", "PA", "PW", "SC", "WA", "YS")
#: What has the name of a person and is none.
BRANDS = (
    "Ralph Lauren",
    "Calvin Klein",
    "Morgan Stanley",
    "Wells Fargo",
    "Charles Schwab",
    "Tommy Hilfiger",
    "Jack Daniels",
    "Rolls Royce",
    "Aston Martin",
    "Harley Davidson",
)
PLACES = (
    "Jordan River",
    "Victoria Station",
    "Virginia Beach",
    "Austin Airport",
    "Madison Avenue",
    "Charlotte Hornets arena",
    "Lincoln Memorial",
    "Houston Zoo",
)
TITLES_ZH = (
    *("高级经理", "项目经理", "任何同学", "金牌律师", "安全主任", "成年女士", "年轻医生"),
    "张家口市的教授",
)
PLACES_ZH = ("南京路", "黄金海岸", "马路对面", "王府井", "周末的集市")


@dataclass(frozen=True)
class Labelled:
    """A text and what it holds.

    Attributes:
        text: The text.
        language: "en" or "zh".
        kinds: Kinds of personal data in it.
    """

    text: str
    language: str
    kinds: frozenset[str]


def labelled(seed: int = 0, each: int = EACH, without: int = WITHOUT) -> list[Labelled]:
    """Make the texts, the same ones for the same seed.

    Args:
        seed: Seed of what is drawn.
        each: Texts of each kind and language.
        without: Texts of each language that hold nothing personal.
    """
    made: list[Labelled] = []
    for language, sentences in (("en", ENGLISH), ("zh", CHINESE)):
        people = _People(language, seed)
        for kind, around in sentences.items():
            for i in range(each):
                text = around[i % len(around)].format(people.value(kind))
                made.append(Labelled(text, language, frozenset({kind})))
        made += [Labelled(people.nothing(), language, frozenset()) for _ in range(without)]
    return made


class _People:
    """Made-up people of one language, and things that look like their data."""

    def __init__(self, language: str, seed: int) -> None:
        self.language = language
        self.draw = random.Random(f"{language} {seed}")
        locales = ["en_US", "en_GB"] if language == "en" else ["zh_CN"]
        self.fakers = [_seeded(locale, seed) for locale in locales]
        self.abroad = [_seeded(name, seed) for name in ABROAD]
        self.british = _seeded("en_GB", seed)

    def value(self, kind: str) -> str:
        fake = self.draw.choice(self.fakers)
        made: dict[str, Callable[[], Any]] = {
            "email": fake.email,
            "phone": fake.phone_number,
            "payment_card": lambda: self._card(fake),
            "iban": self._iban,
            "national_number": self._national,
            "ip_address": self.draw.choice([fake.ipv4_public, fake.ipv6]),
            "mac_address": fake.mac_address,
            "person_name": fake.name,
            "postal_address": lambda: self._address(fake),
            "birth_date": self._date,
        }
        return str(made[kind]())

    def _card(self, fake: Faker) -> str:
        digits: str = fake.credit_card_number()
        if len(digits) == 16 and self.draw.random() < 0.5:
            return " ".join(digits[i : i + 4] for i in range(0, 16, 4))
        return digits

    def _iban(self) -> str:
        written: str = self.british.iban()
        if self.draw.random() < 0.5:
            return " ".join(written[i : i + 4] for i in range(0, len(written), 4))
        return written

    def _national(self) -> str:
        if self.language == "zh":
            return _resident(self.draw, self.fakers[0].ssn()[:6])
        which = self.draw.randrange(4)
        if which == 0:
            return _nino(self.draw)
        if which == 1:
            return str(self.fakers[0].ssn())
        fake = self.draw.choice(self.abroad)
        made = {"es_ES": self.draw.choice(["nie", "nif"]), "pt_BR": "cpf"}
        return str(getattr(fake, made.get(fake.locales[0], "ssn"))())

    def _address(self, fake: Faker) -> str:
        if self.language == "en":
            return str(fake.address()).replace("\n", ", ")
        city, road = fake.city_name(), fake.street_name()
        ways = (
            f"{fake.province()}{city}市{fake.district()}区{road}{self.draw.randint(1, 900)}号",
            f"{road}{self.draw.randint(1, 900)}号{self.draw.randint(1, 20)}栋",
            str(fake.address()),
        )
        return self.draw.choice(ways)

    def _date(self) -> str:
        y, m, d = self.draw.randint(1930, 2012), self.draw.randint(1, 12), self.draw.randint(1, 28)
        name = (
            "January February March April May June July August September October November December"
        )
        month = name.split()[m - 1]
        if self.language == "zh":
            return self.draw.choice([f"{y}年{m}月{d}日", f"{y}-{m:02}-{d:02}", f"{y}/{m}/{d}"])
        ways = (
            f"{y}-{m:02}-{d:02}",
            f"{m:02}/{d:02}/{y}",
            f"{d}.{m}.{y}",
            f"{d} {month} {y}",
            f"{month} {d}, {y}",
            f"{d}th {month[:3]} {y}",
        )
        return self.draw.choice(ways)

    def nothing(self) -> str:
        """A text that holds nothing personal, and mostly looks as if it did."""
        fake, draw = self.fakers[0], self.draw
        sentences = NOTHING_EN if self.language == "en" else NOTHING_ZH
        return draw.choice(sentences).format(
            digits="".join(draw.choices("0123456789", k=draw.randint(8, 13))),
            company=fake.company(),
            price=f"{draw.randint(1, 9999):,}.{draw.randint(0, 99):02}",
            version=".".join(str(draw.randint(0, 30)) for _ in range(draw.randint(2, 4))),
            day=f"{draw.randint(1990, 2026)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}",
            clock=f"{draw.randint(0, 23):02}:{draw.randint(0, 59):02}:{draw.randint(0, 59):02}",
            year=draw.randint(1900, 2030),
            few=draw.randint(2, 400),
            one=draw.randint(1, 12),
            many=draw.randint(1024, 8192),
            wrong=_fails_luhn(draw),
            book=fake.isbn13(),
            uuid=fake.uuid4(),
            word=fake.word(),
            city=fake.city(),
            sentence=fake.sentence(),
            brand=draw.choice(BRANDS),
            place=draw.choice(PLACES),
            title=draw.choice(TITLES_ZH),
            place_zh=draw.choice(PLACES_ZH),
        )


def _seeded(locale: str, seed: int) -> Faker:
    fake = Faker(locale)
    fake.seed_instance(seed)
    return fake


def _resident(draw: random.Random, area: str) -> str:
    """A Chinese resident identity number, its check by the weights of the standard's table."""
    y, m, d = draw.randint(1930, 2010), draw.randint(1, 12), draw.randint(1, 28)
    digits = f"{area}{y}{m:02}{d:02}{draw.randrange(1000):03}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(w * int(digit) for w, digit in zip(weights, digits, strict=True))
    return digits + "10X98765432"[total % 11]


def _nino(draw: random.Random) -> str:
    """A British national insurance number of a prefix that is given out."""
    prefix = draw.choice(PREFIXES)
    digits = [f"{draw.randrange(100):02}" for _ in range(3)]
    space = draw.choice(["", " "])
    return space.join([prefix, *digits, draw.choice("ABCD")])


def _fails_luhn(draw: random.Random) -> str:
    """16 digits that start like a card and fail the check, by a count of their own."""
    while True:
        digits = [4, *(draw.randrange(10) for _ in range(15))]
        doubled = [d if i % 2 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)]
        if sum(doubled) % 10:
            return "".join(map(str, digits))
