"""Words of a text in the place of others: a twin that differs in nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditkit.methods.tokens import token_spans, tokens

#: Tokens of a word or phrase, to what is put in its place.
Swaps = Mapping[tuple[str, ...], str]
#: Where a token begins and ends, and how it is read.
_Span = tuple[int, int, tuple[str, ...]]

#: Words that say who somebody is, and their counterparts. Of a word in several pairs the last one
#: holds: "her" becomes "his", which is right before a noun and wrong in "I saw her".
TERMS: tuple[tuple[str, str], ...] = (
    *(("he", "she"), ("he's", "she's"), ("he'll", "she'll"), ("he'd", "she'd")),
    *(("him", "her"), ("his", "hers"), ("his", "her"), ("himself", "herself")),
    *(("man", "woman"), ("men", "women"), ("boy", "girl"), ("boys", "girls")),
    *(("male", "female"), ("males", "females"), ("gentleman", "lady"), ("gentlemen", "ladies")),
    *(("father", "mother"), ("dad", "mom"), ("son", "daughter"), ("sons", "daughters")),
    *(("brother", "sister"), ("brothers", "sisters"), ("husband", "wife"), ("uncle", "aunt")),
    *(("boyfriend", "girlfriend"), ("grandfather", "grandmother"), ("nephew", "niece")),
    *(("mr", "ms"), ("mr", "mrs"), ("sir", "madam"), ("king", "queen"), ("actor", "actress")),
    *(("black man", "white man"), ("black men", "white men"), ("black people", "white people")),
    *(("black woman", "white woman"), ("black women", "white women")),
    *(("muslim", "christian"), ("muslims", "christians"), ("mosque", "church")),
    *(("他", "她"), ("他们", "她们"), ("男人", "女人"), ("男性", "女性"), ("男生", "女生")),
    *(("男孩", "女孩"), ("男士", "女士"), ("先生", "女士"), ("父亲", "母亲"), ("爸爸", "妈妈")),
    *(("丈夫", "妻子"), ("老公", "老婆"), ("儿子", "女儿"), ("哥哥", "姐姐"), ("弟弟", "妹妹")),
    *(("男朋友", "女朋友"), ("爷爷", "奶奶"), ("黑人", "白人"), ("外地人", "本地人")),
    *(("穆斯林", "基督徒"),),
)
#: Phrases that hold a character of a term and mean nobody ("others", "guitar"); they stay.
KEPT: tuple[tuple[str, str], ...] = (("其他", "其他"), ("吉他", "吉他"), ("他人", "他人"))


def swaps_of(pairs: Sequence[Sequence[str]]) -> Swaps:
    """Index pairs of words by their tokens, in both directions.

    Args:
        pairs: Two words or phrases each; of a word in several pairs the last one holds. A phrase
            paired with itself stays as it is, and nothing within it is swapped.

    Returns:
        Tokens to what is put in their place.

    Example:
        >>> swaps_of([["he", "she"]])
        {('he',): 'she', ('she',): 'he'}
    """
    both = [(one, other) for a, b in pairs for one, other in ((a, b), (b, a))]
    return {tuple(tokens(one)): other for one, other in both}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a text a word or phrase to swap stands.

    Attributes:
        begin: Its first character.
        end: Behind its last character.
        key: Its tokens.
    """

    begin: int
    end: int
    key: tuple[str, ...]


def swapped(text: str, swaps: Swaps) -> tuple[str, list[str]]:
    """Put words in the place of others, all at once; where several fit, the longest.

    Args:
        text: Any text.
        swaps: As `swaps_of` gives them.

    Returns:
        The text, and the words that were put in; none where it holds no word to swap.

    Example:
        >>> swaps = swaps_of([["he", "she"], ["his", "her"], ["fireman", "firewoman"]])
        >>> swapped("He said THE fireman lost his hat; she did not.", swaps)[0]
        'She said THE firewoman lost her hat; he did not.'
        >>> swapped("其他人爱他", swaps_of([["他", "她"], ["其他", "其他"]]))
        ('其他人爱她', ['她'])
    """
    return replaced(text, places_of(text, swaps), swaps)


def replaced(text: str, places: Sequence[Place], swaps: Swaps) -> tuple[str, list[str]]:
    """Put other words in some places of a text.

    Args:
        text: The text.
        places: Places that `places_of` found, in order; some of them or all.
        swaps: As `swaps_of` gives them.

    Returns:
        The text, and the words that were put in.
    """
    parts, put_in, done = list[str](), list[str](), 0
    for place in places:
        put_in.append(_cased(swaps[place.key], text[place.begin : place.end]))
        parts += [text[done : place.begin], put_in[-1]]
        done = place.end
    return "".join([*parts, text[done:]]), put_in


def places_of(text: str, swaps: Swaps) -> list[Place]:
    """Find the words and phrases of a text that are to be swapped, in order.

    Args:
        text: Any text.
        swaps: As `swaps_of` gives them.

    Returns:
        Where they stand.

    Example:
        >>> places_of("So he went", swaps_of([["he", "she"]]))
        [Place(begin=3, end=5, key=('he',))]
    """
    firsts = {key[0] for key in swaps}
    if firsts.isdisjoint(tokens(text)):
        return []
    spans = [(begin, end, tuple(tokens(text[begin:end]))) for begin, end in token_spans(text)]
    longest = max(map(len, swaps))
    found, at = list[Place](), 0
    while at < len(spans):
        ahead = spans[at : at + longest]
        key = _longest_fit(text, ahead, swaps)
        if key and tuple(tokens(swaps[key])) != key:
            found.append(Place(ahead[0][0], ahead[len(key) - 1][1], key))
        at += max(1, len(key))
    return found


def _longest_fit(text: str, ahead: Sequence[_Span], swaps: Swaps) -> tuple[str, ...]:
    """Give the tokens to swap with which a text goes on; none where there are none."""
    key, fits, end = tuple[str, ...](), tuple[str, ...](), ahead[0][0]
    for begin, stop, read in ahead:
        if len(read) != 1 or text[end:begin].strip():  # punctuation parts a phrase
            break
        key, end = (*key, *read), stop
        fits = key if key in swaps else fits
    return fits


def _cased(word: str, like: str) -> str:
    if len(like) > 1 and like.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if like[:1].isupper() else word
