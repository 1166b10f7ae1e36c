"""The nouns of the panel, one module each."""
