"""Fair studies: which recipe, with which settings, under one budget."""
