"""The doctor's error rates, measured on runs with planted faults and on healthy ones."""
