"""The disk space of volumes."""

from typing import Any

from docker import APIClient


def sizes(client: APIClient, timeout: int) -> dict[str, int]:
    """Return the sizes of all volumes in bytes. The library's method would have images measured too."""
    url = f"{client.base_url}/v{client.api_version}/system/df"
    response = client.get(url, params={"type": "volume"}, timeout=timeout)
    response.raise_for_status()
    found: list[dict[str, Any]] = response.json().get("Volumes") or []
    measured = {volume["Name"]: (volume.get("UsageData") or {}).get("Size", -1) for volume in found}
    return {name: size for name, size in measured.items() if size >= 0}
