"""What the name of a column says: its words, and whether others may know what it holds."""

from __future__ import annotations

import re

from auditkit.methods.personal_names import listed

#: Words of what neighbours, colleagues or a register know of a person, apart from the name.
_KNOWN = listed(
    "age sex gender race ethnic ethnicity birth birthday birthdate birthplace dob marital "
    "marriage married nationality citizenship country city town county district region province "
    "municipality zip zipcode postcode postal occupation profession religion language "
    "disability height"
)
_KNOWN_ZH = listed(
    "年龄 性别 民族 种族 出生 生日 婚姻 国籍 籍贯 户籍 城市 省份 地区 区县 邮编 职业 宗教 残疾 身高"
)


def spaced(name: str) -> str:
    """The words of a column name apart by spaces, in its own case.

    Example:
        >>> spaced("dateOfBirth"), spaced("customer_name"), spaced("姓名")
        ('date Of Birth', 'customer name', '姓名')
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(word for word in re.split(r"[\W_]+", apart) if word)


def words_of(name: str) -> set[str]:
    """The words of a column name, in lower case: "maritalStatus" has two.

    Example:
        >>> sorted(words_of("maritalStatus2"))
        ['marital', 'status']
    """
    return {word.rstrip("0123456789") or word for word in spaced(name).lower().split()}


def is_quasi_identifier(name: str) -> bool:
    """Whether, by its name, a column holds what others can know of a person; a guess.

    Example:
        >>> [is_quasi_identifier(name) for name in ("zip_code", "maritalStatus", "balance", "年龄")]
        [True, True, False, True]
    """
    return not _KNOWN.isdisjoint(words_of(name)) or any(part in name for part in _KNOWN_ZH)
