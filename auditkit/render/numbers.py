"""The one formatter of numbers: every figure on the page is printed by it.

Three significant digits, the same digits for a value and its bounds, and more of them wherever
rounding would tell a lie: move a number onto or over a limit, close an interval, or make 0 of
something small.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

from auditkit.render.text import GLUE, tidy

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"
DASH = "\N{EN DASH}"
SIGNIFICANT = 3
#: Outside of these, a number without a unit is written as a multiple of a power of ten.
TINY, HUGE = Decimal("1e-4"), Decimal("1e15")
#: Differences this much smaller than the numbers around them are noise of the arithmetic.
NOISE = Decimal("1e-12")
#: Digits that are added at most so that a small number beside large ones is not printed as 0.
EXTRA = 2

#: Longest unit that is written whole; unit: characters.
UNIT = 16

#: Units in which a whole number is counted, not rounded.
COUNTED = frozenset({"count", "rows", "people", "parameters", "steps", "epochs", "groups", "bins"})
#: Units that say what a number is, but are not written behind it.
SILENT = COUNTED | {"", "rate", "ratio", "difference", "share", "score", "probability"}
SILENT |= {"squared difference", "squared error"}
#: Shares: they keep three decimals even near 1.
SHARES = frozenset({"rate", "share", "probability"})

#: Digits enough for any float, so that no rounding is refused.
_CONTEXT = Context(prec=1400, rounding=ROUND_HALF_EVEN)
_SHORT = Context(prec=SIGNIFICANT, rounding=ROUND_HALF_EVEN)
_SI = {-12: "p", -9: "n", -6: "\N{MICRO SIGN}", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
_WHOLE_SI = {power: letter for power, letter in _SI.items() if power >= 0}
#: Seconds in a unit, its name, and the number of seconds from which it is used.
_CLOCK = (
    (Decimal("1e-6"), f"{_SI[-6]}s", Decimal(0)),
    (Decimal("1e-3"), "ms", Decimal("1e-3")),
    (Decimal(1), "s", Decimal(1)),
    (Decimal(60), "min", Decimal(600)),
    (Decimal(3600), "h", Decimal(10800)),
)
_PREFIXED = {
    **{name: (name, _SI) for name in ("J", "Wh", "W", "g")},
    **dict.fromkeys(("B", "byte", "bytes"), ("B", _WHOLE_SI)),
    **dict.fromkeys(("FLOP", "FLOPs", "flop", "flops"), ("FLOP", _WHOLE_SI)),
}
_RAISED = str.maketrans(
    "-0123456789",
    "\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT ZERO}\N{SUPERSCRIPT ONE}\N{SUPERSCRIPT TWO}"
    "\N{SUPERSCRIPT THREE}\N{SUPERSCRIPT FOUR}\N{SUPERSCRIPT FIVE}\N{SUPERSCRIPT SIX}"
    "\N{SUPERSCRIPT SEVEN}\N{SUPERSCRIPT EIGHT}\N{SUPERSCRIPT NINE}",
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A number as it is printed, with its bounds and limits in the same unit.

    Attributes:
        value: The number, without its unit.
        low: Lower bound, or None.
        high: Upper bound, or None.
        unit: What stands behind the number: "", "ms", "kJ", a power of ten, ...
        limits: The limits it is held against, exactly as they were set, with their unit.

    Example:
        >>> show(0.0314, 0.02, 0.044).interval
        '[0.0200, 0.0440]'
    """

    value: str
    low: str | None
    high: str | None
    unit: str
    limits: tuple[str, ...] = ()

    @property
    def interval(self) -> str:
        """The bounds in brackets, or nothing."""
        return f"[{self.low}, {self.high}]" if self.low is not None else ""

    @property
    def text(self) -> str:
        """The value and its unit."""
        return with_unit(self.value, self.unit)

    @property
    def point(self) -> tuple[str, str]:
        """The value before and from its decimal point, so that columns can align on it."""
        whole, point, fraction = self.value.partition(".")
        return whole, point + fraction


@dataclass(frozen=True, slots=True)
class _Scale:
    factor: Decimal
    unit: str


def with_unit(text: str, unit: str) -> str:
    """Put a unit behind a number that is already written; one from outside may be long."""
    return f"{text}{GLUE}{tidy(unit, UNIT)}" if unit else text


def show(
    value: float,
    low: float | None = None,
    high: float | None = None,
    *,
    unit: str = "",
    limits: Iterable[float] = (),
    signed: bool = False,
    beside: float = 0.0,
) -> Shown:
    """Write a number, its bounds and its limits.

    Args:
        value: The number, finite.
        low: Lower bound in the same unit, or None.
        high: Upper bound in the same unit, or None.
        unit: Unit of all of them; seconds, joules, bytes and the like get a fitting prefix.
        limits: Limits that no rounded number may touch or cross unless the exact one does.
        signed: Whether a positive number gets a plus sign.
        beside: Size of the largest number in the same column, whose decimals are shared.

    Returns:
        The texts. A non-zero number is never written as 0.

    Example:
        >>> show(0.3141, 0.29, 0.33).text
        '0.314'
        >>> show(0.09999, 0.04, 0.16, limits=[0.1]).interval
        '[0.04000, 0.16000]'
        >>> show(16192, unit="rows").text, show(2310.0, unit="J").unit
        ('16,192', 'kJ')
    """
    given = [number for number in (value, low, high) if number is not None]
    exact = _denoised([Decimal(repr(float(number))) for number in given])
    scale = _scale(unit, max(_reference(exact), Decimal(repr(float(beside)))))
    numbers = [number / scale.factor for number in exact]
    bars = [Decimal(repr(float(bar))) / scale.factor for bar in limits]
    size = max(_reference(numbers), Decimal(repr(float(beside))) / scale.factor)
    share = unit in SHARES and scale.factor == 1
    digits = _digits(numbers, bars, size, least=SIGNIFICANT if share else 0)
    if unit in COUNTED and all(number == number.to_integral_value() for number in numbers):
        digits = 0
    texts = [_written(number, digits) for number in numbers]
    if signed and numbers[0] > 0:
        texts[0] = f"+{texts[0]}"
    bounds = texts[1:] if len(texts) == 3 else [None, None]
    held = tuple(_limit_text(bar, scale, unit) for bar in bars)
    return Shown(texts[0], bounds[0], bounds[1], scale.unit, held)


def _limit_text(bar: Decimal, scale: _Scale, unit: str) -> str:
    """A limit in the unit of the number it holds, but never as a multiple of its power of ten."""
    if TIMES not in scale.unit:
        return with_unit(_plain(bar), scale.unit)
    return with_unit(_plain(bar * scale.factor), "" if unit in SILENT else unit)


def limit(number: float, unit: str = "") -> str:
    """Write a limit exactly as it was set, in the unit in which it was set.

    Example:
        >>> limit(0.8), limit(5.0), limit(0.005)
        ('0.8', '5', '0.005')
    """
    exact = Decimal(repr(float(number)))
    return with_unit(_plain(exact), "" if unit in SILENT else unit)


def count(number: int) -> str:
    """Write a whole number with separators; one of more than 15 digits only to three of them.

    Example:
        >>> count(48842)
        '48,842'
    """
    exact = Decimal(number)
    return _grouped(exact) if abs(exact) < HUGE else _powered(_SHORT.create_decimal(exact))


def percent(share: float) -> str:
    """Write a level such as 0.95 as "95%"; more digits only where it has them.

    Example:
        >>> percent(0.95), percent(0.995)
        ('95%', '99.5%')
    """
    return f"{_plain(Decimal(repr(float(share))) * 100)}%"


def decimals(step: float) -> int:
    """Decimals that the ticks of an axis with this step need.

    Example:
        >>> decimals(0.05), decimals(20.0), decimals(0.2)
        (2, 0, 1)
    """
    exponent = Decimal(repr(step)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def tick(value: float, digits: int) -> str:
    """Write the number at a tick of an axis.

    Example:
        >>> tick(0.30000000000000004, 1), tick(1500.0, 0)
        ('0.3', '1,500')
    """
    rounded = _quantized(Decimal(repr(float(value))), digits)
    return _grouped(abs(rounded) if rounded == 0 else rounded)


def _denoised(numbers: Sequence[Decimal]) -> list[Decimal]:
    noise = max(abs(number) for number in numbers) * NOISE
    return [Decimal(0) if abs(number) < noise else number for number in numbers]


def _reference(numbers: Sequence[Decimal]) -> Decimal:
    """Size that decides unit and digits: the value, or half the width where that is larger."""
    if len(numbers) < 3:
        return abs(numbers[0])
    value, low, high = numbers
    if not low <= value <= high:  # no interval of this value: a table may hold anything
        return max(abs(number) for number in numbers)
    return max(abs(value), (high - low) / 2)


def _scale(unit: str, reference: Decimal) -> _Scale:
    head, tail = _split(unit)
    reference = _SHORT.create_decimal(reference)  # as it is shown: 9.9999e-5 is 1e-4
    if head == "s":
        return _clock(reference, tail)
    if head in _PREFIXED:
        symbol, letters = _PREFIXED[head]
        power = 3 * (reference.adjusted() // 3) if reference else 0
        power = min(max(power, min(letters)), max(letters))
        return _Scale(Decimal(1).scaleb(power), letters[power] + symbol + tail)
    spoken = "" if unit in SILENT else unit
    if not reference or TINY <= reference < HUGE:
        return _Scale(Decimal(1), spoken)
    power = reference.adjusted()
    return _Scale(Decimal(1).scaleb(power), f"{_power(power)} {spoken}".strip())


def _split(unit: str) -> tuple[str, str]:
    """Part a unit such as "J/row" or "s per row" into the unit that scales and the rest."""
    for separator in ("/", " "):
        head, found, tail = unit.partition(separator)
        if found and (head == "s" or head in _PREFIXED):
            return head, found + tail
    return unit, ""


def _clock(reference: Decimal, tail: str) -> _Scale:
    if not reference:
        return _Scale(Decimal(1), "s" + tail)
    factor, name = next((f, name) for f, name, least in reversed(_CLOCK) if reference >= least)
    return _Scale(factor, name + tail)


def _digits(numbers: Sequence[Decimal], bars: Sequence[Decimal], size: Decimal, least: int) -> int:
    """Decimals that tell no lie: three significant digits, or as many as it takes."""
    reference = size or max(abs(number) for number in numbers)
    if not reference:
        return 0
    digits = max(least, SIGNIFICANT - 1 - _SHORT.create_decimal(reference).adjusted())
    enough = (d for d in range(digits, digits + EXTRA + 1) if not _any_vanish(numbers, d))
    digits = next(enough, digits)
    while not _faithful(numbers, bars, digits):
        digits += 1
    return digits


def _faithful(numbers: Sequence[Decimal], bars: Sequence[Decimal], digits: int) -> bool:
    """Whether rounding keeps each number on its side of each limit, and the interval open."""
    shown = [_rounded(number, digits) for number in numbers]
    sides = all(
        _side(number, bar) == _side(text, bar)
        for number, text in zip(numbers, shown, strict=True)
        for bar in bars
    )
    is_open = len(shown) < 3 or shown[1] != shown[2] or numbers[1] == numbers[2]
    return sides and is_open


def _side(number: Decimal, bar: Decimal) -> int:
    return (number > bar) - (number < bar)


def _vanishes(number: Decimal, digits: int) -> bool:
    """Whether these decimals would make 0 of a number that is not."""
    return number != 0 and _quantized(number, digits) == 0


def _any_vanish(numbers: Sequence[Decimal], digits: int) -> bool:
    return any(_vanishes(number, digits) for number in numbers)


def _rounded(number: Decimal, digits: int) -> Decimal:
    """The number that is printed: one that would vanish keeps one significant digit."""
    return _quantized(number, -number.adjusted() if _vanishes(number, digits) else digits)


def _quantized(number: Decimal, digits: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-digits), context=_CONTEXT)


def _written(number: Decimal, digits: int) -> str:
    shown = _rounded(number, digits)
    if _vanishes(number, digits):
        return _powered(shown)
    return _grouped(abs(shown) if number == 0 else shown)


def _plain(number: Decimal) -> str:
    """Exactly, without trailing zeros."""
    if number == 0:
        return "0"
    outside = not TINY <= abs(number) < HUGE
    return _powered(number) if outside else _grouped(number.normalize())


def _powered(number: Decimal) -> str:
    power = number.adjusted()
    return f"{_grouped(number.scaleb(-power).normalize())} {_power(power)}"


def _power(power: int) -> str:
    return f"{TIMES} 10{str(power).translate(_RAISED)}"


def _grouped(number: Decimal) -> str:
    return f"{number:,f}".replace("-", MINUS)
