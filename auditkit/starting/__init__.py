"""`auditkit init`: from a data file to a first configuration and policy, every guess marked."""
