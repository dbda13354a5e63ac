"""Ready policies and the crosswalk, as data files."""
