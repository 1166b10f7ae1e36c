"""What each kind of operation does: one module for each kind, all of them listed in `registry`."""
