"""The demo: a small alliance that is set up as an operator would, one order sold, and a world that can misbehave."""
