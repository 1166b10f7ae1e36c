"""A template file (spec v2): fields, rules, rendering."""
