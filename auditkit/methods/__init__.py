"""Pure numeric functions: arrays in, numbers with their uncertainty out."""
