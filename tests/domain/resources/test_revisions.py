"""Entity tags and If-Match."""

import pytest

from domain.errors import Stale
from domain.resources import revisions


@pytest.mark.parametrize("header", [None, "*", '"7"', '"6", "7"', '"a,b","7"', '"6","7","8"'])
def test_if_match_accepts_the_current_revision(header: str | None):
    revisions.match(header, 7, "service")


@pytest.mark.parametrize("header", [' "7" ', '"6"\t,\t"7"', 'W/"6", "7"', '"\xe9", "7"'])
def test_if_match_accepts_every_list_that_has_the_current_revision(header: str):
    revisions.match(header, 7, "service")


OTHER_TAGS = ['"6"', '"77"', 'W/"7"', '"6", W/"7"', '"*"', '"6,7"', "\"'7'\""]
MALFORMED = ["7", "", '"', "W/", '"7', '"7",', '"7" "8"', '"7""8"', '"7" x', 'x, "7"', '*, "7"', "**", '"\x00", "7"']


@pytest.mark.parametrize("header", [*OTHER_TAGS, *MALFORMED])
def test_if_match_refuses_other_tags_and_malformed_lists(header: str):
    with pytest.raises(Stale) as raised:
        revisions.match(header, 7, "service")
    assert raised.value.code == "stale"
    assert raised.value.message == "The service has changed since you read it"
    assert '"7"' in (raised.value.details or "")


def test_a_tag_matches_its_own_revision():
    revisions.match(revisions.etag(12), 12, "service")
