"""Ways in: parse, call, render, nothing else."""
