"""What the energy audit measures of training and prediction, and the words for it."""

from __future__ import annotations

from auditkit.evidence import Metric

TRAINING_ENERGY = Metric(
    "training_energy",
    "Energy of training",
    "Energy that the processor used while the model was trained.",
    "J",
    better="lower",
    low=0.0,
)
TRAINING_SECONDS = Metric(
    "training_seconds",
    "Time of training",
    "Wall time that the training of the model took.",
    "s",
    better="lower",
    low=0.0,
)
TRAINING_CPU_SECONDS = Metric(
    "training_cpu_seconds",
    "CPU time of training",
    "CPU time that the training of the model took, all threads and child processes together.",
    "s",
    better="lower",
    low=0.0,
)
TRAINING_PEAK_MEMORY = Metric(
    "training_peak_memory",
    "Peak memory of training",
    "Highest resident memory of the training process.",
    "bytes",
    better="lower",
    low=0.0,
)
TRAINING_FLOPS = Metric(
    "training_flops",
    "Operations of training",
    "Floating-point operations of all training steps: matrix products, convolutions, attention.",
    "FLOP",
    better="lower",
    low=0.0,
)
PREDICTION_FLOPS = Metric(
    "prediction_flops",
    "Operations of one prediction",
    "Floating-point operations of the network for one row, encoding left out.",
    "FLOP",
    better="lower",
    low=0.0,
)
PREDICTION_SECONDS = Metric(
    "prediction_seconds_per_1000",
    "Time of 1,000 predictions",
    "Median wall time to score 1,000 raw rows at once, encoding included.",
    "s",
    better="lower",
    low=0.0,
)
PREDICTION_ENERGY = Metric(
    "energy_per_1000_predictions",
    "Energy of 1,000 predictions",
    "Energy that the processor used to score 1,000 raw rows at once.",
    "J",
    better="lower",
    low=0.0,
)
PARAMETERS = Metric(
    "parameters",
    "Size of the model",
    "Trainable numbers of the model.",
    "count",
    better="lower",
    low=0.0,
)

METRICS = (
    TRAINING_ENERGY,
    TRAINING_SECONDS,
    TRAINING_CPU_SECONDS,
    TRAINING_PEAK_MEMORY,
    TRAINING_FLOPS,
    PREDICTION_FLOPS,
    PREDICTION_SECONDS,
    PREDICTION_ENERGY,
    PARAMETERS,
)
