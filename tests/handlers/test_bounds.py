"""What many small changes add up to has the bounds of one large change."""

from tests.panel import Panel


def test_patches_do_not_add_up_to_more_labels_than_a_service_may_have(panel: Panel):
    service = f"/services/{panel.service()['id']}"
    assert panel.patch(service, {"labels": {f"a{number}": "x" for number in range(60)}}).status_code == 200
    refused = panel.patch(service, {"labels": {f"b{number}": "x" for number in range(5)}})
    assert (refused.status_code, list(refused.json()["error"]["fields"])) == (422, ["labels"])
    swapped = {"a0": None, "a1": None, **{f"b{number}": "x" for number in range(6)}}
    assert panel.patch(service, {"labels": swapped}).status_code == 200
    assert len(panel.get(service).json()["labels"]) == 64


def test_patches_do_not_add_up_to_more_variables_than_a_service_may_have(panel: Panel):
    service = f"/services/{panel.service()['id']}/env"
    for part in range(2):
        values = {f"V{part}_{number}": "x" for number in range(200)}
        assert panel.patch(service, {"variables": values}).status_code == 200
    refused = panel.patch(service, {"variables": {"ONE_MORE": "x"}})
    assert refused.status_code == 422
    assert "at most 400" in refused.text


def test_patches_do_not_add_up_to_larger_variables_than_a_service_may_have(panel: Panel):
    service = f"/services/{panel.service()['id']}/env"
    for number in range(7):
        assert panel.patch(service, {"variables": {f"V{number}": "x" * 65_536}}).status_code == 200
    refused = panel.patch(service, {"secrets": {"V7": "x" * 65_536}})
    assert refused.status_code == 422
    assert "together" in refused.text
