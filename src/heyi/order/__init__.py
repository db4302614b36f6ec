"""The buyer commits."""
