"""Shapley values of any model, of rows and of texts: what a user calls.

The arithmetic is in `auditkit.methods.shapley`; here raw rows and texts become games for it.
"""
