"""The public promise: see OPEN_API.md. Names and shapes here hold; fields may be added."""
