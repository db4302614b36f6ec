"""Everything that an operator does; the command line and the console use nothing else."""
