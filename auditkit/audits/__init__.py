"""The audits: one file a question."""
