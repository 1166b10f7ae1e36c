"""What the scenarios of scripts/sdk in Python share."""

PRINTED = "hello listens on port 8080"
"""What the application of the template hello prints."""


def service_names(sdk: str) -> list[str]:
    """Return the names of the services that the scenario deploys."""
    return [f"{sdk}-{number}" for number in range(1, 4)]


def expect(condition: bool, expected: str, actual: object) -> None:
    """End the scenario if the condition is false."""
    if not condition:
        raise SystemExit(f"expected {expected}, got {actual}")


def print_step(line: str) -> None:
    """Print a step of the scenario."""
    print(f"  {line}")
