"""The template catalogue: template files, their rules, and the values that fill them."""
