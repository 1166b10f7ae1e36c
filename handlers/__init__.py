"""The HTTP door and the door for queued work: they only translate."""
