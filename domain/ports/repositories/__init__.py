"""The repositories of the store, one module for each noun."""
