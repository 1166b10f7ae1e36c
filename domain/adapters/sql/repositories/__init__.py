"""The repositories: a module for each attribute of `ports.Work`, with its tables, indexes and statements."""
