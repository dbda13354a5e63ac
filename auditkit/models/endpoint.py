"""A served model that speaks the Open Inference Protocol, version 2, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from auditkit.errors import InputError, Problem
from auditkit.models.inputs import settle_features
from auditkit.models.open_inference import Layout, Missing, answered, request, tensors
from auditkit.models.outputs import Output, Reading, reading, settle_output
from auditkit.models.settings import ClassName, ModelSettings, both, read_settings
from auditkit.models.transport import Address, Credential, Transport
from auditkit.roles import Task


class EndpointSettings(ModelSettings):
    """`[subject.model]` of a served model.

    Attributes:
        endpoint: Address of the model, such as "http://127.0.0.1:8080/v2/models/NAME".
        inputs: How rows are sent: one "tensor" of all features, or "columns", one tensor each.
        input_name: Name of the one tensor.
        output_name: Output to ask for; `predict_proba`, for a regression `predict`.
        output: What its numbers are, where its name does not say that they are probabilities.
        classes: Names of the classes in the order of the columns; needed for multiclass.
        parameters: Parameters of each request; {content_type = "pd"} for columns, which is how
            MLServer is told that they make up a data frame.
        missing: Whether a missing value is refused or sent as null.
        batch: Rows in one request.
        timeout: Longest time for one answer; unit: s.
        retries: Further tries after the first.
        backoff: Wait before the first further try, doubled before each next; unit: s.
        rate: Most requests a second; no limit unless given.
        credential: Environment variable that holds a secret to show.
        credential_header: Header that carries it; "Authorization" carries it as a bearer token.
    """

    endpoint: str
    inputs: Layout = "tensor"
    input_name: str = "input-0"
    output_name: str | None = None
    output: Output | None = None
    classes: list[ClassName] | None = None
    parameters: dict[str, str | bool | int | float] | None = None
    missing: Missing = "refuse"
    batch: int = Field(default=256, ge=1, le=1_000_000)
    timeout: float = Field(default=30.0, gt=0, le=3_600)
    retries: int = Field(default=5, ge=0, le=20)
    backoff: float = Field(default=0.5, ge=0, le=60)
    rate: float | None = Field(default=None, gt=0)
    credential: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    credential_header: str = Field(default="Authorization", pattern=r"^[A-Za-z0-9-]+$")


@dataclass(frozen=True, eq=False)
class EndpointModel:
    """A served model; satisfies `auditkit.models.Model`.

    Attributes:
        transport: Posts to it.
        features: Columns that are sent, in this order.
        reading: How its numbers are read.
        output_name: Output to ask for.
        layout: How rows are sent.
        input_name: Name of the one tensor.
        request_parameters: Parameters of each request.
        missing: Whether a missing value is refused or sent as null.
        batch: Rows in one request.

    Example:
        >>> address = Address.read("http://127.0.0.1:8080/v2/models/m", "endpoint")
        >>> EndpointModel(Transport(address), ("age", "sex"), Reading("binary")).kind
        'endpoint http://127.0.0.1:8080/v2/models/m'
    """

    transport: Transport
    features: tuple[str, ...]
    reading: Reading
    output_name: str = "predict_proba"
    layout: Layout = "tensor"
    input_name: str = "input-0"
    request_parameters: Mapping[str, Any] = field(default_factory=dict)
    missing: Missing = "refuse"
    batch: int = 256

    @property
    def kind(self) -> str:
        """What it is: "endpoint" and its address, which holds no secret."""
        return f"endpoint {self.transport.address}"

    @property
    def parameters(self) -> int | None:
        """None: the protocol does not say."""
        return None

    @property
    def sha256(self) -> str | None:
        """None: nobody can tell from outside which weights are served."""
        return None

    @property
    def task(self) -> Task:
        """Kind of prediction."""
        return self.reading.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the columns of a multiclass model."""
        return self.reading.classes

    def scores(self, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Score raw rows, in batches.

        Args:
            rows: Raw rows; columns are found by name, others are not sent.

        Returns:
            Shape (n,) or (n, k); see `Reading.scores`.

        Raises:
            InputError: If a feature is missing or cannot be sent; all are listed.
            ModelError: If no answer came after all tries, or one that is no score.
        """
        if len(rows) == 0:
            return self.reading.nothing()
        given = tensors(rows, self.features, self.layout, self.input_name, self.missing)
        parts = []
        with self.transport.open() as post:
            for start in range(0, len(rows), self.batch):
                stop = min(start + self.batch, len(rows))
                body = request(given, start, stop, self.output_name, self.request_parameters)
                values = answered(post(body), self.output_name, self._who)
                parts.append(self.reading.scores(values, stop - start, self._who))
        return np.concatenate(parts)

    @property
    def _who(self) -> str:
        return str(self.transport.address)


def from_config(
    table: Mapping[str, Any],
    folder: Path,  # noqa: ARG001 - the same call opens every kind of model
    where: str,
    *,
    task: str,
    positive: object,
    features: Sequence[str] | None,
) -> EndpointModel:
    """Make the model that a configuration names; it is first called when rows are scored.

    Args:
        table: `[subject.model]`: see `EndpointSettings`.
        folder: Where the configuration lies; nothing is read there.
        where: What to call the table in a message.
        task: Kind of prediction.
        positive: The positive class (binary).
        features: Columns to send, in this order.

    Returns:
        The model.

    Raises:
        InputError: If a setting is wrong, the address holds a secret, or the credential would
            leave this machine unencrypted or is not there; every problem is listed.
    """
    says = read_settings(EndpointSettings, table, where)
    name = says.output_name or ("predict" if task == "regression" else "predict_proba")

    def how() -> Reading:
        output = settle_output(task, says.output, name, where)
        return reading(task, output, says.classes, positive, where)

    (address, credential), (names, read) = both(
        lambda: _address(says, where),
        lambda: both(lambda: settle_features(None, None, features, where, "a served model"), how),
    )
    default = {"content_type": "pd"} if says.inputs == "columns" else {}
    return EndpointModel(
        Transport(address, credential, says.timeout, says.retries, says.backoff, says.rate),
        names,
        read,
        name,
        says.inputs,
        says.input_name,
        default if says.parameters is None else says.parameters,
        says.missing,
        says.batch,
    )


def _address(says: EndpointSettings, where: str) -> tuple[Address, Credential | None]:
    address = Address.read(says.endpoint, f"{where} endpoint")
    if says.credential is None:
        return address, None
    place = f"{where} credential"
    if address.scheme == "http" and not address.is_here:
        raise InputError([Problem(place, "a credential over http", "https, or this machine")])
    credential = Credential(says.credential, says.credential_header)
    credential.secret(place)
    return address, credential
