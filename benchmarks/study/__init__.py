"""Studies of the seven losses: figures, interrupted studies, stacks against processes, a thousand trials."""
