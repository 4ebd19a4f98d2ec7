"""Where data come from: folders, archives, arrays, data sets read live, built-in sets, two sides, labels."""
