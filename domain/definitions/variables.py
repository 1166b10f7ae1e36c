"""Environment variables of a definition: encrypted when they are stored, decrypted when containers start."""

from collections.abc import Iterable, Mapping

from domain.errors import Invalid
from domain.model.definition import Variable
from domain.ports.vault import Vault

MOST_VARIABLES = 400  # as many as one request can set: 200 plain and 200 secret ones
LARGEST_SUM = 512 * 1024
"""Characters of all names and values as they are stored: those of secrets are a third longer than they were."""


def encrypt(vault: Vault, plain: Mapping[str, str | None], secret: Mapping[str, str | None]) -> tuple[Variable, ...]:
    """Return the variables as they are stored: secret values encrypted, names whose value is None left out.

    Raise Invalid if a name has a value in both mappings, or if a value contains a NUL character.
    """
    wrong = {
        f"secrets.{name}": "is among the variables too; a name is either plain or secret"
        for name in plain.keys() & secret.keys()
        if plain[name] is not None and secret[name] is not None
    }
    for field, values in (("variables", plain), ("secrets", secret)):
        wrong |= {
            f"{field}.{name}": "contains a NUL character" for name, value in values.items() if "\0" in (value or "")
        }
    if wrong:
        raise Invalid(wrong)
    stored = [Variable(name, value) for name, value in plain.items() if value is not None]
    stored += [Variable(name, vault.encrypt(value), secret=True) for name, value in secret.items() if value is not None]
    return sort(stored)


def require_bounded(variables: Iterable[Variable]) -> None:
    """Raise Invalid if a service would have too many variables, or too much in them: many small changes add up."""
    stored = tuple(variables)
    size = sum(len(variable.name) + len(variable.value) for variable in stored)
    if len(stored) > MOST_VARIABLES:
        raise Invalid(
            {"variables": f"The service would have {len(stored)} variables; at most {MOST_VARIABLES} are kept"}
        )
    if size > LARGEST_SUM:
        raise Invalid(
            {"variables": f"The variables would have {size} characters together; at most {LARGEST_SUM} are kept"}
        )


def decrypt(vault: Vault, variables: Iterable[Variable]) -> dict[str, str]:
    """Return the plain values by name."""
    return {
        variable.name: vault.decrypt(variable.value) if variable.secret else variable.value for variable in variables
    }


def sort(variables: Iterable[Variable]) -> tuple[Variable, ...]:
    """Return the variables by name. They are stored in this order, so that equal sets compare equal."""
    return tuple(sorted(variables, key=lambda variable: variable.name))
