"""What becomes of a bundle after the audit: notes, checks, signatures, sealing. Needs no model."""
