"""The commands of the command line, one file a subject. Heavy imports stay inside them."""
