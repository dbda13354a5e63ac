"""What is said of how far people can be told apart: the metrics of the audit of anonymity."""

from __future__ import annotations

from auditkit.evidence import Metric

K = Metric(
    "k_anonymity",
    "Smallest class",
    "Rows of the smallest class, a class being the rows that are alike in all quasi-identifiers: k "
    "of k-anonymity. 1: somebody is alone.",
    "count",
    better="higher",
    low=1.0,
)
UNIQUE = Metric(
    "unique_share",
    "Rows that are unique",
    "Share of rows that no other row is like in all quasi-identifiers: whoever knows these of a "
    "person finds the row.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
BELOW = Metric(
    "rows_below_k_share",
    "Rows in small classes",
    "Share of rows in classes of fewer rows than the k that was asked for.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
L = Metric(
    "l_diversity",
    "Fewest values in a class",
    "Fewest different values of the sensitive attribute in a class: distinct l-diversity. 1: to "
    "know the class is to know the value.",
    "count",
    better="higher",
    low=1.0,
)
L_ENTROPY = Metric(
    "l_diversity_entropy",
    "Fewest values in a class, effectively",
    "Smallest exponential of the entropy of the sensitive attribute in a class: entropy "
    "l-diversity, which counts rare values for less.",
    "ratio",
    better="higher",
    low=1.0,
)
T = Metric(
    "t_closeness",
    "Largest distance of a class",
    "Largest distance between the sensitive attribute in a class and in the whole table: "
    "t-closeness. 0: no class tells anything, 1: a class tells all.",
    "difference",
    better="lower",
    low=0.0,
    high=1.0,
)
ACCURACY = Metric(
    "anonymised_accuracy",
    "Accuracy after anonymising",
    "Share of right decisions of the model trained again on rows made k-anonymous, and asked about "
    "such rows.",
    "rate",
    better="higher",
    low=0.0,
    high=1.0,
)
COST = Metric(
    "anonymised_accuracy_cost",
    "Accuracy that anonymising costs",
    "Accuracy of the audited model minus that of the model trained on anonymised rows, on the same "
    "people.",
    "difference",
    better="lower",
    low=-1.0,
    high=1.0,
)
LOSS = Metric(
    "anonymised_information_loss",
    "Information that anonymising loses",
    "How much of the values of a quasi-identifier the class of a row spans, averaged over rows and "
    "columns: 0 nothing is lost, 1 everything.",
    "rate",
    better="lower",
    low=0.0,
    high=1.0,
)
CLASSES = (K, UNIQUE, BELOW)
DIVERSITY = (L, L_ENTROPY, T)
ANONYMISED = (LOSS, ACCURACY, COST)
