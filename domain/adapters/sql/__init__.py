"""The store, on SQLite and PostgreSQL: the only package that knows SQL."""
