"""`python -m heyi.app.cli …`, where the installed `heyi` is not on the path."""

from heyi.app.cli import main

main()
