"""What happened: readable, and told to those it concerns."""
