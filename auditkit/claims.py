"""What the owner of a model claims about it, in a form that can be held against measurements."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool

#: What a claim may hold: that it is made, a number, or names.
Claimed = bool | float | list[str]
_Limit = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]


class ClaimsRecord(BaseModel):
    """`[context.claims]`: what is claimed. A claim that is false, or left out, is not made.

    `not_used_for` names uses that nobody can measure; it is shown, and never counted as checked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    no_sensitive_attribute_used: StrictBool = False
    no_personal_data: StrictBool = False
    anonymous_data: StrictBool = False
    no_training_data_memorised: StrictBool = False
    epsilon_at_most: _Limit | None = None
    accuracy_at_least: Annotated[_Limit, Field(le=1)] | None = None
    equal_selection: StrictBool = False
    equal_errors: StrictBool = False
    human_reviews_all: StrictBool = False
    explanation_given: StrictBool = False
    representative_data: StrictBool = False
    complete_data: StrictBool = False
    unseen_test_rows: StrictBool = False
    not_used_for: list[Annotated[str, Field(min_length=1, max_length=200)]] = []

    def made(self) -> dict[str, Claimed]:
        """The claims that are made, in the order of their fields.

        Example:
            >>> ClaimsRecord(no_personal_data=True, epsilon_at_most=3.0).made()
            {'no_personal_data': True, 'epsilon_at_most': 3.0}
        """
        held = {name: getattr(self, name) for name in type(self).model_fields}
        # 0 is a claim of its own: no privacy loss at all.
        return {
            name: value
            for name, value in held.items()
            if value is not None and value is not False and value != []
        }

    def told(self) -> dict[str, str]:
        """The claims that are made, with what they hold beside being made, as text.

        Example:
            >>> ClaimsRecord(no_personal_data=True, not_used_for=["hiring", "credit"]).told()
            {'no_personal_data': '', 'not_used_for': 'hiring, credit'}
        """
        return {name: _told(value) for name, value in self.made().items()}


def _told(value: Claimed) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "" if isinstance(value, bool) else f"{value:g}"
