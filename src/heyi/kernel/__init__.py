"""Words that everybody uses. Standard library only; nothing in here does I/O."""
