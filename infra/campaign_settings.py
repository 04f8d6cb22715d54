"""The settings of a campaign that runs on the cluster: in a stack's settings only as long as it runs."""

from collections.abc import Mapping
from typing import Any, Self

import yaml
from pydantic import Field, model_validator

from infra.setting_types import Cpu, Name, Quantity, RunName, Section


class CampaignSettings(Section):
    """One campaign: what it does, and what its pods may take. Exactly one of `name` and `plan` says what it does."""

    name: Name | None = Field(default=None, description="a campaign that the load generator's image has")
    plan: str | None = Field(default=None, description="a campaign file's text (YAML) instead")
    run: RunName | None = Field(default=None, description="the source of all UIDs; default: a new one")
    workers: int = Field(default=2, ge=1, le=64, description="pods that make the load; a master directs them")
    factor: float | None = Field(default=None, gt=0, le=1000, description="multiplies rates, users and paces")
    seconds: int | None = Field(
        default=None, ge=1, le=604800, description="the shape in this time; default: the plan's"
    )
    limit_seconds: int | None = Field(default=None, ge=1, le=604800, description="cuts the campaign off")
    studies: int | None = Field(default=None, ge=1, description="so many sessions of finite streams in all")
    cpu: Cpu = Field(default="100m", description="requested processor of one pod; there is no limit")
    # the campaign smoke, which has all profiles, takes 0.7 GiB of a worker
    memory: Quantity = Field(default="2Gi", description="limit of one pod; a quarter is requested")
    release: Mapping[str, Any] | None = Field(
        default=None, description="what runs and is loaded, as the outputs name it; default: what this tree is"
    )

    @model_validator(mode="after")
    def _says_what_it_does(self) -> Self:
        if (self.name is None) == (self.plan is None):
            raise ValueError("exactly one of name and plan says what the campaign does")
        if self.plan is not None:
            try:
                fields = yaml.safe_load(self.plan)
            except yaml.YAMLError as error:
                raise ValueError(f"plan is no YAML: {' '.join(str(error).split())}") from None
            if not isinstance(fields, dict):
                raise ValueError("plan is a campaign file's text: fields and values (`vnaops-campaign schema`)")
        return self
