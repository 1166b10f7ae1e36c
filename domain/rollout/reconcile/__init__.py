"""Keeps the engine and the database in agreement."""
