"""The cellar: the only modules that know a database, an engine or a library behind a port."""
