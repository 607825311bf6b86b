"""Why a step of the review is refused. Each is a sentence for the person who asked for it."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


class ReviewRefused(ValidationError):
    """A step that cannot be taken as the incident stands."""


class StaleIncident(ReviewRefused):
    """The incident has changed since the person saw it."""

    def __init__(self) -> None:
        super().__init__(
            _("Somebody else, or the assistant, has changed this incident meanwhile. Reload the page and look again."),
            code="stale",
        )


class ClaimedByAnother(ReviewRefused):
    """Somebody else is at it."""

    def __init__(self, holder: str) -> None:
        super().__init__(
            _("This incident is in work with %(name)s."), code="claimed_by_another", params={"name": holder}
        )


class StepNotPossible(ReviewRefused):
    """The incident's state forbids it."""

    def __init__(self, sentence: object) -> None:
        super().__init__(sentence, code="not_possible")
