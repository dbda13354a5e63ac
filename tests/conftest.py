"""Settings of every test."""

from __future__ import annotations

import os

from hypothesis import settings

# Compiling what shap needs for a few rows takes many times what it saves. It is read when numba is
# imported, and half of shap compiled and half not does not work.
os.environ["NUMBA_DISABLE_JIT"] = "1"

# How long an example takes says how busy the machine is, and nothing of the code.
# The same examples every time, so that a failure comes back; `--hypothesis-profile=searching`
# looks for new ones.
settings.register_profile("patient", deadline=None, derandomize=True)
settings.register_profile("searching", deadline=None, max_examples=2_000)
settings.load_profile("patient")
