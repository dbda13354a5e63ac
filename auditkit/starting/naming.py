"""What the name of a column says about the part that it plays; English and Chinese."""

from __future__ import annotations

from auditkit.methods.column_names import words_of


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split())


#: Words that, alone in a name, make a column sensitive; pairs that do; parts of Chinese names.
SENSITIVE = frozenset(
    _listed(
        "sex gender race racial ethnic ethnicity hispanic latino age marital marriage married "
        "religion religious nationality citizenship immigrant foreign disability disabled pregnant "
        "pregnancy orientation veteran caste birthplace"
    )
)
SENSITIVE_PAIRS = (("native", "country"), ("birth", "country"), ("national", "origin"))
SENSITIVE_ZH = _listed(
    "性别 年龄 民族 种族 族裔 婚姻 婚否 宗教 信仰 国籍 残疾 户籍 籍贯 性取向 怀孕 政治面貌"
)
#: What has an age without being a person.
_NOT_A_PERSON = {*_listed("account building car credit house loan policy property vehicle")}
#: Names that say plainly that a column weighs rows; "weight" alone may be that of a body.
_WEIGHT = {*_listed("fnlwgt finalwgt pweight perwt wtfinl wgt")}
_WEIGHT_ZH = _listed("权重 权数 加权")
_WEIGHT_PAIRS = tuple(
    (kind, "weight")
    for kind in _listed("sample sampling survey design final case frequency probability inverse")
)
_SCORE = {*_listed("score scores prob probability proba phat risk likelihood confidence")}
_SCORE_ZH = _listed("分数 评分 得分 概率 几率")
_PREDICTION = {*_listed("pred predict predicted prediction yhat decision decided flagged")}
_PREDICTION_ZH = _listed("预测 决策 判定")
#: Telling names of an outcome, the most telling first.
OUTCOMES = _listed(
    "label y target class outcome truth actual response default defaulted churn income survived "
    "hired admitted approved fraud readmitted recid bad"
)
#: So many of them name an outcome and nothing else.
_PLAIN = 6
#: Amounts that are foretold more often than anything else is from them.
_AMOUNT = {*_listed("charges cost costs price salary wage wages")}
_OUTCOMES_ZH = _listed("标签 目标 结果 违约 流失 是否")
_ID = {*_listed("id ids uuid guid uid key index rowid rownum")}
_ID_ZH = _listed("编号 序号 流水号")
_PERSONAL = {*_listed("name firstname lastname surname fullname email phone ssn address")}
_PERSONAL_ZH = _listed("姓名 身份证 手机 电话 邮箱 地址")
#: Values that read like a yes.
YES = {
    *_listed("yes y true t 1 positive pos success approved accepted hired admitted default"),
    *_listed("defaulted 是 有 通过 阳性 违约 流失 真"),
}


def is_sensitive(name: str) -> bool:
    """Whether a column is sensitive by its name, English or Chinese.

    Example:
        >>> [is_sensitive(name) for name in ("maritalStatus", "page", "年龄", "loan_age")]
        [True, False, True, False]
    """
    words = words_of(name)
    if words & _NOT_A_PERSON:
        words -= {"age"}
    paired = any(words.issuperset(pair) for pair in SENSITIVE_PAIRS)
    return bool(words & SENSITIVE) or paired or any(part in name for part in SENSITIVE_ZH)


def is_weight(name: str) -> bool:
    """Whether a column plainly weighs rows by its name."""
    paired = any(words_of(name).issuperset(pair) for pair in _WEIGHT_PAIRS)
    return paired or _says(name, _WEIGHT, _WEIGHT_ZH)


def is_score(name: str) -> bool:
    """Whether a column is a score by its name."""
    return _says(name, _SCORE, _SCORE_ZH)


def is_decile(name: str) -> bool:
    """Whether a column holds scores from 1 to 10 by its name."""
    return not words_of(name).isdisjoint({"decile", "deciles"})


def is_prediction(name: str) -> bool:
    """Whether a column is a decision by its name."""
    return _says(name, _PREDICTION, _PREDICTION_ZH) or {"y", "hat"} <= words_of(name)


def is_identifier(name: str) -> bool:
    """Whether a column tells rows apart by its name."""
    return _says(name, _ID, _ID_ZH)


def is_personal(name: str) -> bool:
    """Whether a column names or finds a person by its name."""
    return _says(name, _PERSONAL, _PERSONAL_ZH)


def is_amount(name: str) -> bool:
    """Whether a column is an amount that is likely foretold by its name."""
    return _says(name, _AMOUNT, ())


def outcome_rank(name: str) -> int | None:
    """How early a name stands among those of outcomes; None where it is not one.

    Example:
        >>> outcome_rank("y_true"), outcome_rank("Target"), outcome_rank("weight") is None
        (0, 2, True)
    """
    words = words_of(name)
    ranks = [i for i, word in enumerate(OUTCOMES) if word in words]
    if words == {"y", "true"} or any(part in name for part in _OUTCOMES_ZH):
        ranks.append(0)
    return min(ranks, default=None)


def is_plainly_outcome(name: str) -> bool:
    """Whether a name says outcome, and could hardly be that of a feature."""
    rank = outcome_rank(name)
    return rank is not None and rank < _PLAIN


def _says(name: str, words: set[str], parts: tuple[str, ...]) -> bool:
    return not words.isdisjoint(words_of(name)) or any(part in name for part in parts)
