"""Keep the engine and the database in agreement."""
