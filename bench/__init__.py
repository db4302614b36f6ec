"""Speed, measured: `make bench ARGS="a --quick"`, or `python -m bench …`. See docs/performance.md."""
