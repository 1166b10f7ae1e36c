"""Background work: the queue, its runner and its progress."""
