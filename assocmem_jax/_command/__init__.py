"""The `assocmem` command."""
