"""What may be bought, and by whom."""
