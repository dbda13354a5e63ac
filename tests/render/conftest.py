"""A census-like record with every kind of verdict, table and absence, made by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from auditkit.report import Report

Z = 1.959964
FACTS: dict[str, tuple[str, str, str, str, float | None, float | None]] = {
    # id: title, definition, unit, better, low, high
    "accuracy": ("Accuracy", "Share of right decisions.", "rate", "higher", 0, 1),
    "roc_auc": ("Area under the ROC curve", "Chance to rank right.", "rate", "higher", 0, 1),
    "brier_score": ("Brier score", "Mean squared error of the score.", "", "lower", 0, 1),
    "group_size": ("Group size", "Assessed rows of the group.", "count", "neither", 0, None),
    "selection_rate": ("Selection rate", "Share selected.", "rate", "neither", 0, 1),
    "true_positive_rate": ("True positive rate", "Share found.", "rate", "higher", 0, 1),
    "false_positive_rate": ("False positive rate", "Share accused.", "rate", "lower", 0, 1),
    "precision": ("Precision", "Share of selected who qualify.", "rate", "higher", 0, 1),
    "demographic_parity_ratio": ("Demographic parity ratio", "Low by high.", "ratio", "higher",
                                 0, 1),
    "demographic_parity_difference": ("Demographic parity difference", "High minus low.",
                                      "difference", "lower", 0, 1),
    "equalized_odds_difference": ("Equalized odds difference", "Larger gap.", "difference",
                                  "lower", 0, 1),
    "mean_abs_shapley": ("Mean absolute attribution", "Size of effect.", "", "neither", 0, None),
    "additivity_gap": ("Additivity gap", "Largest error of the sum.", "", "lower", 0, None),
    "membership_auc": ("Membership attack, AUC", "Chance to tell.", "rate", "lower", 0, 1),
    "membership_tpr_at_01pct_fpr": ("Members found at 0.1 %", "Found.", "rate", "lower", 0, 1),
    "epsilon": ("Epsilon", "Bound on what one row can change.", "", "lower", 0, None),
    "training_energy": ("Energy of training", "Energy used.", "J", "lower", 0, None),
    "prediction_latency": ("Latency of one prediction", "Wall time.", "s", "lower", 0, None),
    "drift_score": ("Drift", "Distance between months.", "nats", "lower", 0, None),
}  # fmt: skip
#: Rows, positives, true positives, false positives of each group.
CELLS = {
    ("Female", "White"): (3900, 460, 262, 78), ("Female", "Black"): (700, 40, 19, 11),
    ("Female", "Asian-Pac-Islander"): (160, 21, 13, 4), ("Female", "Other"): (60, 3, 1, 1),
    ("Male", "White"): (8600, 2720, 1795, 540), ("Male", "Black"): (710, 130, 72, 29),
    ("Male", "Asian-Pac-Islander"): (300, 102, 66, 14), ("Male", "Other"): (120, 14, 8, 3),
}  # fmt: skip
POLICY = [
    ("F1", "demographic_parity_ratio", {"at_least": 0.8}, ["sex"], "high",
     "four-fifths rule, 29 CFR 1607.4(D)", "source", "Retrain without sex, then measure again."),
    ("F2", "demographic_parity_ratio", {"at_least": 0.8}, ["race"], "high",
     "four-fifths rule, 29 CFR 1607.4(D)", "source", ""),
    ("F3", "equalized_odds_difference", {"at_most": 0.1}, ["sex"], "medium", "own policy",
     "policy", ""),
    ("F4", "selection_rate", {"at_least": 0.02, "at_most": 0.6}, {"sex": "Male"}, "low",
     "own policy", "policy", ""),
    ("P1", "roc_auc", {"at_least": 0.85}, [], "medium", "own policy", "policy", ""),
    ("P2", "accuracy", {"at_least": 0.85}, [], "medium", "own policy", "policy",
     "Collect 4,000 more rows."),
    ("V1", "epsilon", {"at_most": 3.0}, [], "critical", "house rule 7", "policy", ""),
    ("V2", "membership_tpr_at_01pct_fpr", {"at_most": 0.005}, [], "high", "own policy",
     "policy", ""),
    ("E1", "training_energy", {"at_most": 180000.0}, [], "low", "own policy", "policy", ""),
    ("D1", "drift_score", {"at_most": 0.1}, [], "info", "own policy", "policy", ""),
    ("N1", "appeal_days", {"at_most": 30.0}, [], "info", "6 RCNY 5-301", "source", ""),
]  # fmt: skip


def wilson(successes: int, total: int) -> tuple[float, float]:
    p, a = successes / total, Z * Z / total
    centre = (p + a / 2) / (1 + a)
    half = Z / (1 + a) * math.sqrt(p * (1 - p) / total + a / (4 * total))
    return centre - half, centre + half


def measured(audit: str, metric: str, value: float | None, **given: Any) -> dict[str, Any]:
    """A measurement; `interval` is a pair of bounds."""
    slice_ = given.pop("slice", {})
    bounds = given.pop("interval", None)
    method = given.pop("method", "Wilson")
    where = ",".join(f"{k}={v}" for k, v in slice_.items())
    interval = None
    if bounds is not None:
        interval = {"low": bounds[0], "high": bounds[1], "level": 0.95, "method": method}
    elif value is not None:
        given.setdefault("reason", "counted on every row")
    return {
        "id": f"{audit}.{metric}" + (f"[{where}]" if where else ""),
        "audit": audit, "metric": metric, "slice": slice_, "value": value,
        "unit": FACTS[metric][2], "n": 14653, "interval": interval, "basis": "measured",
        "better": FACTS[metric][3], "source": "test rows", **given,
    }  # fmt: skip


def share(audit: str, metric: str, successes: int, total: int, slice_: dict[str, str]) -> Any:
    if total < 2:
        return measured(audit, metric, None, n=total, slice=slice_, reason="no rows of this kind")
    bounds = wilson(successes, total)
    return measured(audit, metric, successes / total, n=total, slice=slice_, interval=bounds)


def _merged(keep: int | None) -> dict[tuple[str, ...], list[int]]:
    found: dict[tuple[str, ...], list[int]] = {}
    for key, counts in CELLS.items():
        short = key if keep is None else (key[keep],)
        found[short] = [a + b for a, b in zip(found.get(short, [0] * 4), counts, strict=True)]
    return found


def _rates(counts: list[int]) -> list[tuple[str, int, int]]:
    n, positives, hits, alarms = counts
    return [
        ("base_rate", positives, n), ("selection_rate", hits + alarms, n),
        ("true_positive_rate", hits, positives), ("false_positive_rate", alarms, n - positives),
        ("precision", hits, hits + alarms),
        ("accuracy", hits + n - positives - alarms, n),
    ]  # fmt: skip


def _fairness() -> tuple[list[Any], list[Any]]:
    measurements, rows = [], []
    crossing = "sex \N{MULTIPLICATION SIGN} race"
    for attribute, keep in (("sex", 0), ("race", 1), (crossing, None)):
        columns = attribute.split(" \N{MULTIPLICATION SIGN} ")
        groups: dict[tuple[str, ...], list[int]] = _merged(keep)
        groups[tuple(["unknown"] * len(columns))] = [103, 14, 8, 5] if keep == 1 else [0] * 4
        for group, counts in groups.items():
            slice_ = dict(zip(columns, group, strict=True))
            size = measured("fairness", "group_size", counts[0], slice=slice_, exact=True)
            measurements.append(size)
            row: list[Any] = [attribute, " \N{MULTIPLICATION SIGN} ".join(group), counts[0]]
            for metric, successes, total in _rates(counts):
                bounds = wilson(successes, total) if total else (None, None)
                row += [successes / total if total else None, *bounds]
                if metric in FACTS and metric != "accuracy":
                    measurements.append(share("fairness", metric, successes, total, slice_))
            rows.append(row)
        if keep is not None:
            measurements += _gaps(attribute, _merged(keep))
    return measurements, rows


def _gaps(attribute: str, groups: dict[tuple[str, ...], list[int]]) -> list[Any]:
    rates = {
        name: [s / t for g in groups.values() for m, s, t in _rates(g) if m == name]
        for name in ("selection_rate", "true_positive_rate", "false_positive_rate")
    }
    slice_ = {attribute: "*"}
    low, high = min(rates["selection_rate"]), max(rates["selection_rate"])
    odds = max(max(rates[r]) - min(rates[r]) for r in ("true_positive_rate", "false_positive_rate"))

    def gap(metric: str, value: float, arm: float) -> Any:
        bounds = (max(0.0, value - arm), value + arm)
        method = "log ratio, Bonferroni over 10 pairs"
        return measured("fairness", metric, value, slice=slice_, interval=bounds, method=method)

    return [
        gap("demographic_parity_ratio", low / high, 0.06),
        gap("demographic_parity_difference", high - low, 0.02),
        gap("equalized_odds_difference", odds, 0.04),
    ]


def _pairs() -> list[Any]:
    rows = []
    for attribute, keep in (("sex", 0), ("race", 1)):
        groups = list(_merged(keep).items())
        for i, (a, first) in enumerate(groups):
            for b, second in groups[i + 1 :]:
                for (rate, s, t), (_, u, v) in zip(_rates(first), _rates(second), strict=True):
                    if rate not in ("selection_rate", "true_positive_rate", "false_positive_rate"):
                        continue
                    arm = Z * math.sqrt(s / t * (1 - s / t) / t + u / v * (1 - u / v) / v)
                    gap = s / t - u / v
                    sure = abs(gap) > arm
                    rows.append(
                        [attribute, rate, a[0], b[0], gap, gap - arm, gap + arm, 0.01, sure]
                    )
    return rows


FEATURES = [
    ("marital_status", 0.071), ("capital_gain", 0.052), ("education", 0.048), ("age", 0.046),
    ("sex", 0.034), ("hours_per_week", 0.031), ("occupation", 0.029), ("relationship", 0.024),
    ("workclass", 0.011), ("capital_loss", 0.009), ("native_country", 0.006), ("race", 0.004),
    ("education_num", 0.003), ("fnlwgt", 0.0004),
]  # fmt: skip


def _strips() -> list[Any]:
    rows = []
    for place, (feature, size) in enumerate(FEATURES):
        for i in range(20):
            low = size * (-2.5 + i * 0.25)
            count = round(900 * math.exp(-((i - 8 + place % 3) ** 2) / 18))
            rank = None if place % 3 == 0 else (i + 0.5) / 20
            rows.append([feature, low, low + size * 0.25, count, rank])
    return rows


def _gap_rows() -> list[Any]:
    rows: list[Any] = []
    for attribute, a, b, scale in (("sex", "Male", "Female", 1.0), ("race", "White", "Black", 0.6)):
        parts = [(f, (-1) ** (i // 3) * v * scale) for i, (f, v) in enumerate(FEATURES)]
        start = 0.112
        end = start + math.fsum(part for _, part in parts)
        rows += [[attribute, a, b, f, p, p - 0.004, p + 0.004] for f, p in parts]
        rows += [[attribute, a, b, "(mean score a)", end, end - 0.005, end + 0.005]]
        rows += [[attribute, a, b, "(mean score b)", start, start - 0.005, start + 0.005]]
    return rows


#: Columns of the stories of decisions.
STORY_COLUMNS = [
    *("case", "place", "decision", "feature", "value"),
    *("contribution", "low", "high", "sign_certain"),
]


def _story() -> list[list[Any]]:
    """One story; what it holds sums to the score."""
    head = ["typical", 12, "not selected (against)"]
    return [
        [*head, "(average score)", None, 0.6, 0.58, 0.62, None],
        [*head, "<age>", "in the lowest fifth", -0.2, -0.25, -0.15, True],
        [*head, "job", "Sales", 0.01, -0.02, 0.04, False],
        [*head, "(all others)", "7", 0.08999, 0.05, 0.12999, None],
        [*head, "(score)", None, 0.49999, None, None, None],
    ]


def _calibration() -> list[Any]:
    rows = []
    for i, n in enumerate((6900, 2300, 1500, 1100, 800, 600, 500, 420, 333, 200)):
        score = (i + 0.5) / 10
        hits = round(n * min(0.98, max(0.01, score + 0.05 * math.sin(i))))
        rows.append([i, n, score, hits / n, *wilson(hits, n)])
    return rows


#: A number and its bounds; gaps at other thresholds.
ENDS = ("", "_low", "_high")
SWEPT = ("demographic_parity_difference", "equal_opportunity_difference")


def _tables() -> list[dict[str, Any]]:
    rates = ["base_rate", "selection_rate", "true_positive_rate", "false_positive_rate",
             "precision", "accuracy"]  # fmt: skip
    bounded = [f"{rate}{end}" for rate in rates for end in ("", "_low", "_high")]
    roc = [[x / 40, min(1.0, (x / 40) ** 0.25), 1 - x / 40] for x in range(41)]
    attack = [[x, x * 1.2 if x < 0.05 else x, x, min(1.0, x * 1.5)]
              for x in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)]  # fmt: skip
    loss = [[e, 0.5 * 0.9**e + 0.28, 0.5 * 0.9**e + 0.3 + 0.0005 * e] for e in range(1, 25)]
    twin = [["", "everyone", 14653, 0.852, 0.834, -0.018, -0.021, -0.015],
            ["sex", "Female", 4820, 0.925, 0.916, -0.009, -0.014, -0.004],
            ["race", "Other", 180, 0.911, 0.861, -0.05, -0.11, 0.01]]  # fmt: skip
    phases = [["train", 9.4, 9.3, 41.9, 18.6, 88.4, "estimated"],
              ["explain", 21.0, 20.0, 90.0, 40.0, 190.0, "estimated"],
              ["predict", 0.4, 0.4, None, None, None, None]]  # fmt: skip
    named: list[tuple[str, str, str, str | None, list[str], list[Any]]] = [
        ("performance", "calibration", "Calibration", "reliability",
         ["bin", "n", "mean_score", "observed_rate", "low", "high"], _calibration()),
        ("performance", "roc", "ROC", "roc",
         ["false_positive_rate", "true_positive_rate", "threshold"], roc),
        ("performance", "loss", "Loss", "line", ["epoch", "train_loss", "validation_loss"], loss),
        ("fairness", "groups", "Rates by group", "groups", ["attribute", "group", "n", *bounded],
         _fairness()[1]),
        ("fairness", "pairs", "Pairs", "forest",
         ["attribute", "metric", "a", "b", "difference", "low", "high", "p_adjusted",
          "established"], _pairs()),
        ("adverse-impact", "impact-tests-sex", "Impact", "impact-tests",
         ["category", "impact_ratio", "impact_ratio_low", "impact_ratio_high", "shortfall",
          "p_adjusted", "four_fifths"],
         [["Female", 0.332, 0.3, 0.367, 816.2, 0.001, "below 0.8 and significant"],
          ["Male", 1.0, None, None, 0.0, None, "not below 0.8"]]),
        ("scores-by-group", "roc", "ROC by group", "roc-groups",
         ["attribute", "group", "false_positive_rate", "true_positive_rate"],
         [["sex", sex, x / 10, (x / 10) ** power] for sex, power in (("Female", 0.2), ("Male", 0.4))
          for x in range(11)]),
        ("scores-by-group", "calibration", "Calibration by group", "calibration-groups",
         ["attribute", "group", "n", "mean_score", "observed_rate", "low", "high"],
         [["race", race, 100, score, score / 1.2, score / 1.2 - 0.05, score / 1.2 + 0.06]
          for race in ("Black", "White") for score in (0.2, 0.5, 0.8)]),
        ("scores-by-group", "thresholds", "Other thresholds", "threshold-sweep",
         ["attribute", "threshold", "in_use", "n", *(f"accuracy{end}" for end in ENDS),
          "selection_rate", *(f"{gap}{end}" for gap in SWEPT for end in ENDS)],
         [[attribute, at / 10, at == 2, 14653, 0.8 - (at - 5) ** 2 / 99, 0.5, 0.9, 1 - at / 10,
           0.3 - at / 50, 0.0, 0.4, 0.2, 0.1 * wide, 0.3]
          for wide, attribute in enumerate(("sex", "race")) for at in range(1, 10)]),
        ("conditional", "conditional", "Alike", "conditional",
         ["attribute", "control", "metric", "a", "b", "n", "raw", "raw_low", "raw_high", "within",
          "within_low", "within_high", "p_adjusted", "p_same", "outcome"],
         [["sex", "job", "selection_rate", "Male", "Female", 14653, 0.168, 0.156, 0.18, -0.01,
           -0.02, -0.001, 0.03, 0.2, "reversed"],
          ["sex", "age", "selection_rate", "Male", "Female", 14653, 0.168, 0.156, 0.18, 0.1, 0.09,
           0.11, 0.001, None, "remains"]]),
        ("mitigation", "variants", "Variants", "frontier",
         ["variant", "stage", "unbeaten", "target", "inside_target",
          *(f"{column}{end}" for column in ("demographic_parity_difference", "accuracy")
            for end in ("", "_low", "_high"))],
         [["as audited", "as audited", True, 0.1, False, 0.168, 0.149, 0.186, 0.855, 0.85, 0.861],
          ["reweighing", "before training", True, 0.1, True, 0.076, 0.056, 0.095, 0.851, 0.846,
           0.857],
          ["threshold for each group", "after training", False, 0.1, None, None, None, None, None,
           None, None],
          ["cut-off 0.7", "cut-off", False, 0.1, False, 0.091, 0.077, 0.106, 0.841, 0.835,
           0.847]]),
        ("explainability", "importance", "Importance", "bars",
         ["feature", "mean_abs", "low", "high"], [[f, v, v * 0.95, v * 1.05] for f, v in FEATURES]),
        ("explainability", "strips", "Strips", "density-strip",
         ["feature", "bin_low", "bin_high", "count", "mean_rank"], _strips()),
        ("explainability", "gap", "Gap", "waterfall",
         ["attribute", "a", "b", "feature", "contribution", "low", "high"], _gap_rows()),
        ("effects", "curves", "Curves", "effects",
         ["feature", "kind", "at", "effect", "low", "high", "dependence", "share"],
         [["age", "number", 20.0, -0.1, -0.12, -0.08, -0.11, None],
          ["age", "number", 40.0, 0.02, 0.01, 0.03, 0.01, 0.6],
          ["age", "number", 60.0, 0.1, 0.08, 0.12, 0.2, 0.4],
          ["job", "category", "nurse", 0.05, 0.04, 0.06, None, 0.7],
          ["job", "category", "clerk", -0.05, None, None, None, 0.004]]),
        ("surrogate", "rules", "Rules", "rules",
         ["depth", "condition", "rule", "decision", "n", "share", "given", "low", "high",
          "is_leaf"],
         [[0, "", "", "not selected", 900, 1.0, 0.2, 0.18, 0.22, False],
          [1, "age at least 40", "age at least 40", "selected", 895, 0.994, None, None, None, True],
          [1, "age under 40", "age under 40", "not selected", 5, 0.006, None, None, None, True]]),
        ("reason-codes", "stories", "Stories", "stories", STORY_COLUMNS, _story()),
        ("reason-codes", "principal-reasons", "Reasons", "principal-reasons",
         ["reason", "principal_reason_share", "low", "high"],
         [[f, v, v * 0.95, v * 1.05] for f, v in FEATURES]),
        ("privacy", "attack-roc", "Attack", "log-log-roc",
         ["false_positive_rate", "true_positive_rate", "low", "high"], attack),
        ("privacy", "private-twin", "Twin", "forest",
         ["attribute", "group", "n", "accuracy", "private_accuracy", "difference", "low", "high"],
         twin),
        ("privacy-frontier", "frontier", "Frontier", "privacy-frontier",
         ["epsilon", "noise_multiplier", *(f"{column}{end}" for column, ends in
          (("accuracy", ("",)), ("", ("low", "high")), ("cost", ("", "_low", "_high")))
          for end in ends)],
         [[None, None, 0.855, 0.849, 0.861, None, None, None],
          [0.5, 7.54, 0.848, 0.842, 0.854, 0.0072, 0.0035, 0.0108],
          [1.0, 4.02, 0.852, 0.847, 0.858, 0.0028, -0.0004, 0.0060],
          [3.0, None, None, None, None, None, None, None]]),
        ("compression", "versions", "Versions", "size-frontier",
         ["version", "kilobytes", "size_share", "accuracy", "accuracy_low", "accuracy_high",
          "loss", "loss_low", "loss_high", "milliseconds", "chosen", "unbeaten", "gap_grows"],
         [["as audited", 35.8, 1.0, 0.855, 0.849, 0.861, None, None, None, 4.0, False, False, ""],
          ["distilled to 1/4 of the width", 7.4, 0.207, 0.854, 0.848, 0.859, 0.0016, -0.0013,
           0.0044, 3.5, True, True, ""],
          ["80 % of the weights at 0", 8.6, 0.24, 0.812, 0.806, 0.819, 0.043, 0.035, 0.051, 4.0,
           False, False, "sex"],
          ["1/2 of the units taken out", *9 * [None], False, False, ""]]),
        ("scaling", "cost", "Cost", "power-law", ["rows", "measured", "fitted", "low", "high"],
         [[3000, 1.0, 1.05, 0.6, 1.8], [6000, 2.2, 2.0, 1.3, 3.1], [12000, 4.0, 4.1, 2.6, 6.4],
          [120000, None, 40.0, 15.0, 107.0]]),
        ("calibration", "risk-coverage", "Risk", "risk-coverage",
         ["coverage", "risk", "risk_of_group"],
         [[0.25, 0.005, 0.01], [0.5, 0.0162, 0.0228], [0.75, 0.05, 0.08], [1.0, 0.145, 0.19]]),
        ("impact", "claims", "Claims", "claims",
         ["claim", "declared", "measurement", "measured", "measured_low", "measured_high", "limit",
          "result", "note"],
         [["no_personal_data", "", "personal-data.personal_data_share", 0.02, 0.015, 0.026, 0.0,
           "contradicts", ""],
          ["accuracy_at_least", "0.8", "performance.accuracy", 0.855, 0.849, 0.861, 0.8, "agrees",
           ""],
          ["not_used_for", "hiring", "", None, None, None, None, "not measured",
           "no audit sees what a model is used for"]]),
        ("energy", "phases", "Phases", "phases",
         ["phase", "seconds", "cpu_seconds", "joules", "low", "high", "basis"], phases),
        ("drift-watch", "months", "Months", "spiral", ["month", "distance"],
         [["2026-01", 0.012], ["2026-02", 0.000034], ["2026-03", None]]),
    ]  # fmt: skip
    return [
        {"id": f"{audit}.{name}", "audit": audit, "title": title, "columns": columns,
         "rows": rows, "chart": chart, "source": "test rows"}
        for audit, name, title, chart, columns, rows in named
    ]  # fmt: skip


def _measurements() -> list[Any]:
    return [
        measured("performance", "accuracy", 0.852, interval=(0.8461, 0.8576)),
        measured("performance", "roc_auc", 0.907, interval=(0.904, 0.910), method="DeLong"),
        measured("performance", "brier_score", 0.1021, reason="no interval was asked for"),
        *_fairness()[0],
        *(measured("explainability", "mean_abs_shapley", v, slice={"feature": f}, n=1000,
                   interval=(v * 0.95, v * 1.05), method="bootstrap") for f, v in FEATURES),
        measured("explainability", "additivity_gap", 3e-7, exact=True, n=1000),
        measured("privacy", "membership_auc", 0.512, interval=(0.498, 0.526), method="DeLong"),
        measured("privacy", "membership_tpr_at_01pct_fpr", 0.0035, n=4000,
                 interval=(0.0019, 0.0059), method="Clopper-Pearson"),
        measured("energy", "training_energy", 41.9, basis="estimated", interval=(18.6, 88.4),
                 method="CPU seconds times watts per core"),
        measured("energy", "prediction_latency", 0.00031, interval=(0.00028, 0.00035),
                 method="sign test"),
        measured("drift-watch", "drift_score", None, reason="only one month was given", n=0),
    ]  # fmt: skip


def _finding(criterion: str, measurement: str | None, verdict: str, **given: Any) -> Any:
    severity = next(line[4] for line in POLICY if line[0] == criterion)
    plain = {"id": criterion, "criterion": criterion, "measurement": measurement,
             "verdict": verdict, "severity": severity, "text": f"It is {verdict}."}  # fmt: skip
    return {**plain, **given}


def _findings() -> list[Any]:
    return [
        _finding("F1", "fairness.demographic_parity_ratio[sex=*]", "fail"),
        _finding("F2", "fairness.demographic_parity_ratio[race=*]", "fail"),
        _finding("F3", "fairness.equalized_odds_difference[sex=*]", "inconclusive", n_needed=21337),
        _finding("F4", "fairness.selection_rate[sex=Male]", "pass"),
        _finding("P1", "performance.roc_auc", "pass"),
        _finding("P2", "performance.accuracy", "inconclusive", n_needed=60000),
        _finding("V1", None, "error",
                 text="epsilon was not measured: the audit privacy broke (ValueError)."),
        _finding("V2", "privacy.membership_tpr_at_01pct_fpr", "inconclusive", n_needed=8100),
        _finding("E1", "energy.training_energy", "pass"),
        _finding("D1", "drift-watch.drift_score", "not_measured"),
        _finding("N1", None, "not_applicable", text="nobody is hired by it."),
    ]  # fmt: skip


def census_record() -> dict[str, Any]:
    """The record as plain values, so that a test can change it before it is read."""
    energy = {"joules": 12.0, "low": 5.3, "high": 25.2, "basis": "estimated", "method": "CPU time"}
    ran = {"status": "completed", "seconds": 0.41, "cpu_seconds": 0.4,
           "peak_memory_bytes": 231_000_000, "energy": energy}  # fmt: skip
    names = ("performance", "fairness", "explainability", "energy", "drift-watch")
    audits: list[Any] = [{"name": name, **ran} for name in names]
    audits.insert(
        3, {**ran, "name": "privacy", "status": "error", "reason": "ValueError: 'no noise'"}
    )
    audits.append({"name": "stress-test", "status": "skipped", "reason": "there are only scores"})
    fields = ("title", "definition", "unit", "better", "low", "high")
    return {
        "format": 1, "auditkit": "0.1.0", "audit_id": "20261122T090500Z-7f3a",
        "created": "2026-11-22T09:05:00Z", "verdict": "fail",
        "subject": {
            "name": "census-income", "version": "1.4.0", "task": "binary", "description": "",
            "model": {"kind": "mlp", "sha256": "9f3c21ab70de" * 5, "parameters": 12673},
            "data": {"source": "census.parquet", "sha256": "5b00264637db" * 5, "rows": 48842,
                     "assessed": 14653, "trained_on": 29305},
            "roles": {"label": "income_over_50k", "positive": 1, "threshold": 0.5,
                      "sensitive": ["sex", "race"], "features": [f for f, _ in FEATURES]},
            "groups": [
                {"column": "sex", "names": ["Female", "Male"], "counts": [4820, 9730],
                 "unknown": 0},
                {"column": "race", "names": ["White", "Black", "Asian-Pac-Islander", "Other"],
                 "counts": [12500, 1410, 460, 180], "unknown": 103},
            ],
        },
        "policy": {
            "name": "hiring-us", "sha256": "41d0c2e97b13" * 5,
            "criteria": [
                {"id": i, "metric": m, **limits, "slice": s, "severity": sev, "source": source,
                 "limit_set_by": by, "advice": advice}
                for i, m, limits, s, sev, source, by, advice in POLICY
            ],
        },
        "plan": {"seed": 0, "audits": [{"name": "fairness", "settings": {"min_group": 20},
                                        "defaults": {"level": 0.95, "min_group": 20}}]},
        "audits": audits,
        "metrics": {key: dict(zip(fields, fact, strict=True)) for key, fact in FACTS.items()},
        "measurements": _measurements(), "tables": _tables(), "findings": _findings(),
        "training": {"epochs": [{"epoch": 1}] * 24, "best_epoch": 19, "stopped_early": True,
                     "seed": 0, "settings": {"learning_rate": 0.001, "batch_size": 256}},
        "environment": {
            "python": "3.11.7", "packages": {"numpy": "2.4.0", "torch": "2.13.0"},
            "platform": "Linux x86_64", "threads": 2, "command": "auditkit run auditkit.toml",
            "git": {"commit": "3c1f9a2b7d", "dirty": False},
        },
        "notes": [{"author": "A. Reviewer", "role": "reviewed", "time": "2026-11-23T10:00:00Z",
                   "text": "Seen.", "decision": "reject"}],
    }  # fmt: skip


@pytest.fixture(scope="session")
def census() -> Report:
    """The record, read."""
    return Report.model_validate(census_record())


@pytest.fixture
def record() -> dict[str, Any]:
    """The record as plain values, fresh for each test."""
    return census_record()
