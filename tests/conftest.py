"""Settings of every test."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says how busy the machine is, and nothing of the code.
# The same examples every time, so that a failure comes back; `--hypothesis-profile=searching`
# looks for new ones.
settings.register_profile("patient", deadline=None, derandomize=True)
settings.register_profile("searching", deadline=None, max_examples=2_000)
settings.load_profile("patient")
