"""Drawings of the record: pure functions of a `Report`."""
