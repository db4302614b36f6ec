"""The promise is kept: keys, supplier tasks, rights and redemptions."""
