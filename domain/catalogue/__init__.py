"""The template catalogue: template files, their rules, and the values of their variables."""
