"""How well each kind of data is learnt, beside floors and plain baselines."""
