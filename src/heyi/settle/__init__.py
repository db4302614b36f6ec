"""Everyone is paid."""
