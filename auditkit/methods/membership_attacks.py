"""Membership attacks that compare a model with reference models of known training rows.

A reference model is trained as the attacked one was, on a random half of the rows, so that every
row is inside the training data of half of the references and outside that of the others. What the
references say of a row tells how hard it is, and what having seen it does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from auditkit.methods.estimates import FloatArray, IntArray
from auditkit.methods.ranking import midranks

BoolArray = npt.NDArray[np.bool_]
#: Probabilities are kept this far from 0 and 1, so that their log odds are finite.
EDGE = 1e-12
#: Variances of single rows are trusted from so many references on either side; with fewer, one
#: variance is shared by all rows, as Carlini et al. do below 64 models.
OWN_VARIANCE = 32


def confidence(scores: npt.ArrayLike, labels: npt.ArrayLike) -> FloatArray:
    """How sure a model is of what is true of each row: log odds.

    Args:
        scores: Shape (n,): probability that a row is positive; or (n, k): of each class.
        labels: Shape (n,): 1 where positive, else 0; or the index of the true class, below 0 where
            the model does not know it.

    Returns:
        Shape (n,): logarithm of the probability of what is true over that of all else, finite.
        Of logits z this is z_y - log(sum of exp(z_j) over the other classes j).

    Source:
        Carlini et al. (2022), IEEE Symposium on Security and Privacy, for this scale, on which the
        numbers of many models are about normal.

    Example:
        >>> confidence([0.8, 0.8], [1, 0]).round(3).tolist()
        [1.386, -1.386]
        >>> confidence([[0.2, 0.2, 0.6]], [2]).round(3).tolist()
        [0.405]
    """
    p, y = np.asarray(scores, dtype=np.float64), np.asarray(labels).astype(np.int64)
    table = np.column_stack([1 - p, p]) if p.ndim == 1 else p
    true = np.where(y >= 0, table[np.arange(y.size), y], 0.0)
    rest = np.where(np.arange(table.shape[1]) == y[:, None], 0.0, table).sum(axis=1)
    return np.asarray(np.log(np.maximum(true, EDGE)) - np.log(np.maximum(rest, EDGE)))


@dataclass(frozen=True)
class Answers:
    """What an attacked model and its references say of n rows, all as `confidence`.

    Attributes:
        target: Shape (n,): what the attacked model says.
        references: Shape (k, n): what each reference says.
        inside: Shape (k, n): whether a row was in the training data of a reference; every row in
            that of equally many.

    Raises:
        ValueError: If a row is inside of more references than another.

    Example:
        >>> inside = np.array([[True], [False]])
        >>> answers = Answers(np.array([2.0]), np.array([[1.5], [0.5]]), inside)
        >>> float(answers.mean(inside=True)[0]), float(answers.mean(inside=False)[0])
        (1.5, 0.5)
    """

    target: FloatArray
    references: FloatArray
    inside: BoolArray

    def __post_init__(self) -> None:
        if np.ptp(self.inside.sum(axis=0)):
            raise ValueError("every row is inside of equally many references")

    def of(self, *, inside: bool) -> FloatArray:
        """What the references on one side say: shape (references of a row, n)."""
        held = self.inside == inside
        order = np.argsort(~held, axis=0, kind="stable")[: int(held[:, 0].sum())]
        return np.asarray(np.take_along_axis(self.references, order, axis=0))

    def mean(self, *, inside: bool) -> FloatArray:
        """Mean of one side: shape (n,)."""
        return np.asarray(self.of(inside=inside).mean(axis=0))

    def deviation(self, *, inside: bool) -> FloatArray:
        """Standard deviation of one side: of each row where many references stand behind it."""
        held = self.of(inside=inside)
        variance = held.var(axis=0, ddof=1)
        shared = np.full_like(variance, variance.mean())
        own = len(held) >= OWN_VARIANCE
        return np.asarray(np.sqrt(np.maximum(variance if own else shared, EDGE)))

    def paired(self, place: int, partner: int) -> tuple[Answers, BoolArray]:
        """Attack a reference instead, whose training rows are known.

        Args:
            place: The reference that is attacked.
            partner: The reference that was trained on the other half; it is left out, because
                it would tell who was inside.

        Returns:
            The answers with that target and the remaining references, and its training rows.
        """
        kept = [i for i in range(len(self.references)) if i not in {place, partner}]
        answers = Answers(self.references[place], self.references[kept], self.inside[kept])
        return answers, self.inside[place]


def loss(answers: Answers) -> FloatArray:
    """The attack without references: a row that the model is sure of is taken for a member.

    Source:
        Yeom et al. (2018), IEEE Computer Security Foundations Symposium.
    """
    return answers.target


def attack_r(answers: Answers) -> FloatArray:
    """Hold the loss of a row against its mean loss for references that have not seen it.

    With few references, the threshold of each row is its mean loss and one number for all rows.

    Source:
        Ye et al. (2022), ACM CCS, "attack R"; Watson et al. (2022), ICLR, for the mean.

    Example:
        >>> inside = np.array([[True], [False]])
        >>> answers = Answers(np.array([0.0]), np.array([[9.0], [0.0]]), inside)
        >>> attack_r(answers).tolist()
        [0.0]
    """
    outside = special.log_expit(answers.of(inside=False)).mean(axis=0)
    return np.asarray(special.log_expit(answers.target) - outside)


def lira_offline(answers: Answers) -> FloatArray:
    """Standard deviations by which the model is surer of a row than references without it.

    Source:
        Carlini et al. (2022), the one-sided test; its p-value falls as this number rises.
    """
    return (answers.target - answers.mean(inside=False)) / answers.deviation(inside=False)


def lira_online(answers: Answers) -> FloatArray:
    """Likelihood ratio of being inside: normal densities around references with and without a row.

    Source:
        Carlini et al. (2022), IEEE Symposium on Security and Privacy, "A LiRA".
    """
    inside, outside = (
        -(((answers.target - answers.mean(inside=side)) / answers.deviation(inside=side)) ** 2) / 2
        - np.log(answers.deviation(inside=side))
        for side in (True, False)
    )
    return np.asarray(inside - outside)


def rmia(answers: Answers) -> FloatArray:
    """Probability of what is true of a row, over its mean for all references; on the log scale.

    The published score is the share of other rows z whose ratio is smaller by a factor: it rises
    with the ratio, so that the ratio ranks the rows alike, and without ties.

    Source:
        Zarifzadeh, Liu and Shokri (2024), ICML, online.
    """
    both = (special.expit(answers.of(inside=side)).mean(axis=0) / 2 for side in (True, False))
    return np.asarray(special.log_expit(answers.target) - np.log(sum(both)))


def rmia_offline(answers: Answers, a: float) -> FloatArray:
    """The same with references that have not seen the row.

    Args:
        answers: What is said of each row.
        a: What their mean probability p is moved by, to ((1 + a) p + 1 - a) / 2; in [0, 1].

    Returns:
        Shape (n,): as `rmia`.

    Source:
        Zarifzadeh, Liu and Shokri (2024), ICML, offline.
    """
    outside = special.expit(answers.of(inside=False)).mean(axis=0)
    return np.asarray(special.log_expit(answers.target) - np.log(((1 + a) * outside + 1 - a) / 2))


def shrunken_t(answers: Answers, prior: float) -> FloatArray:
    """Likelihood ratio for few references: variances shrunken to one another, heavy tails.

    The variance of a row among s references is (prior x shared + (s - 1) x own) / (prior + s - 1);
    a new model's number then has Student's t distribution of prior + s - 1 degrees of freedom,
    scaled by the square root of that variance x (1 + 1 / s).

    Args:
        answers: What is said of each row; at least 2 references on either side.
        prior: Observations that the shared variance is worth, above 0.

    Returns:
        Shape (n,): logarithm of the ratio.

    Source:
        In the spirit of BaVarIA (arXiv 2603.11799), which finds the variances to be what fails
        with few references. The formula is our own: the posterior predictive of a normal with a
        scaled inverse chi-squared prior of the variance.
    """

    def density(*, side: bool) -> FloatArray:
        held = answers.of(inside=side)
        more, own = len(held) - 1, held.var(axis=0, ddof=1)
        variance = (prior * own.mean() + more * own) / (prior + more)
        scale = np.sqrt(np.maximum(variance, EDGE) * (1 + 1 / len(held)))
        distance = (answers.target - held.mean(axis=0)) / scale
        freedom = prior + more
        constant = special.gammaln((freedom + 1) / 2) - special.gammaln(freedom / 2)
        spread = np.log(scale) + np.log(freedom * np.pi) / 2
        fall = (freedom + 1) / 2 * np.log1p(distance**2 / freedom)
        return np.asarray(constant - spread - fall)

    return density(side=True) - density(side=False)


@dataclass(frozen=True)
class Attack:
    """An attack as it is listed.

    Attributes:
        name: What it is called.
        score: Gives each row a score, higher for a likelier member.
    """

    name: str
    score: Callable[[Answers], FloatArray]


def _offline(a: float) -> Attack:
    return Attack("RMIA, offline", lambda answers: rmia_offline(answers, a))


def _shrunken(prior: float) -> Attack:
    return Attack("Shrunken likelihood ratio", lambda answers: shrunken_t(answers, prior))


#: The attacks, each with the settings that it is tried in.
ATTACKS: tuple[tuple[Attack, ...], ...] = (
    (Attack("Loss threshold", loss),),
    (Attack("Attack R", attack_r),),
    (Attack("LiRA, offline", lira_offline),),
    (Attack("LiRA, online", lira_online),),
    (Attack("RMIA, online", rmia),),
    tuple(map(_offline, (0.0, 0.3, 0.6, 1.0))),
    tuple(map(_shrunken, (1.0, 4.0, 16.0, 64.0))),
)


def choose(answers: Answers, partners: IntArray) -> tuple[list[Attack], int]:
    """Choose settings and the attack by attacking the references, whose members are known.

    Nothing of the attacked model plays a part, so that nothing has to be paid for the choice.

    Args:
        answers: What is said of each row.
        partners: Shape (k,): for each reference the one that was trained on the other half.

    Returns:
        Each attack in the setting that finds most members of the references (mean area under the
        ROC curve), and the place of the attack that finds most of all.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> inside = balanced_halves(6, 200, rng)
        >>> hard = 3 * rng.normal(size=200)
        >>> told = hard + inside + 0.3 * rng.normal(size=(6, 200))
        >>> attacks, best = choose(Answers(told[0], told, inside), partners_of(6))
        >>> len(attacks), attacks[best].name != "Loss threshold"
        (7, True)
    """
    trials = [answers.paired(i, int(partner)) for i, partner in enumerate(partners)]

    def found(attack: Attack) -> float:
        return float(np.mean([_area(attack.score(held), inside) for held, inside in trials]))

    tried = [max(((found(one), -i) for i, one in enumerate(kind))) for kind in ATTACKS]
    chosen = [kind[-place] for kind, (_, place) in zip(ATTACKS, tried, strict=True)]
    return chosen, int(np.argmax([area for area, _ in tried]))


def _area(scores: FloatArray, inside: BoolArray) -> float:
    ranks, m = midranks(scores)[inside].sum(), int(inside.sum())
    return float((ranks - m * (m + 1) / 2) / (m * (inside.size - m)))


def balanced_halves(references: int, rows: int, rng: np.random.Generator) -> BoolArray:
    """Draw the training rows of reference models: halves at random, each with its complement.

    Args:
        references: An even number of references.
        rows: Rows to draw from.
        rng: Draws.

    Returns:
        Shape (references, rows): whether a row is drawn; every row in half of the references.

    Example:
        >>> balanced_halves(4, 10, np.random.default_rng(0)).sum(axis=0).tolist()
        [2, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    """
    found = np.zeros((references, rows), dtype=bool)
    for place in range(0, references, 2):
        found[place, rng.permutation(rows)[: rows // 2]] = True
        found[place + 1] = ~found[place]
    return found


def partners_of(references: int) -> IntArray:
    """For each reference of `balanced_halves` the one that was trained on its complement.

    Example:
        >>> partners_of(4).tolist()
        [1, 0, 3, 2]
    """
    return np.arange(references) ^ 1
