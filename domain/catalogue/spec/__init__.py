"""Template files (spec v2): their fields, rules and rendering."""
