"""CodeCarbon's offline tracker around a phase: opt-in, silent, and an estimate by its own model."""

from __future__ import annotations

import importlib.util
import logging
from typing import Any

from auditkit.errors import MissingExtraError
from auditkit.meter.energy import DomainEnergy

_JOULES = 3.6e6
#: Every setting that could be read from a file or the environment, so that neither is.
_SETTINGS: dict[str, Any] = {
    "tracking_mode": "process", "force_mode_cpu_load": True, "force_cpu_power": None,
    "force_ram_power": None, "pue": 1.0, "wue": 0.0, "measure_power_secs": 15.0,
    "output_methods": [], "output_handlers": [], "emissions_endpoint": False, "output_dir": ".",
    "output_file": "emissions.csv", "on_csv_write": "append", "logging_logger": None,
    "prometheus_url": "", "api_endpoint": "", "api_key": "", "api_call_interval": -1,
    "experiment_id": "", "experiment_name": "", "project_name": "", "metadata": None,
    "electricitymaps_api_token": "", "gpu_ids": [], "log_level": "critical", "logger_preamble": "",
    "allow_multiple_runs": True, "rapl_include_dram": False, "rapl_prefer_psys": False,
    "force_carbon_intensity_g_co2e_kwh": 0.0, "country_iso_code": "FRA", "region": None,
    "cloud_provider": None, "cloud_region": None, "country_2letter_iso_code": None,
}  # fmt: skip


def demand_codecarbon() -> None:
    """Refuse to go on without CodeCarbon.

    Raises:
        MissingExtraError: If it is not installed; the text says how to.
    """
    if importlib.util.find_spec("codecarbon") is None:
        raise MissingExtraError(
            "energy by CodeCarbon needs: pip install 'auditkit-rai[codecarbon]'"
        )


class Tracker:
    """A tracker that has started; made where a phase begins.

    Only energy is asked of it: grid and country play no part. It follows this process and its
    children ("process" mode) and takes a power for the processor from its table, and one for
    memory from the slots that it supposes.
    """

    def __init__(self) -> None:
        import codecarbon

        logging.getLogger("codecarbon").setLevel(logging.CRITICAL)  # it speaks before it is told
        self._version = codecarbon.__version__
        self._tracker = codecarbon.OfflineEmissionsTracker(**_SETTINGS)
        self._tracker.start()

    def stop(self) -> tuple[tuple[DomainEnergy, ...], str] | str:
        """End the tracking.

        Returns:
            Energy of processor and memory, with the method and its coefficients; or why there is
            no figure.
        """
        self._tracker.stop()
        found = getattr(self._tracker, "final_emissions_data", None)
        if found is None:
            return "CodeCarbon gave no figure"
        if not found.cpu_energy > 0:
            return "CodeCarbon counted no energy of the processor (it skips less than 0.05 s)"
        source = f"CodeCarbon {self._version}"
        parts = tuple(
            DomainEnergy(name, kwh * _JOULES, None, None, "estimated", source)
            for name, kwh in (("processor", found.cpu_energy), ("memory", found.ram_energy))
        )
        return parts, self._method(found)

    def _method(self, found: Any) -> str:  # noqa: ANN401 - a record of CodeCarbon
        tdp = [w for part in self._tracker._hardware if (w := getattr(part, "_tdp", None))]  # noqa: SLF001 - the coefficient is nowhere public
        power = f"{tdp[0]:g} W" if tdp else "an unknown power"
        return (
            f"CodeCarbon {self._version}, offline tracker, process mode: the share of this process "
            f"in the time of {found.cpu_count} cores, times {power} for all of "
            f"{found.cpu_model or 'an unknown processor'} at full load, and {found.ram_power:.3g} "
            f"W for {found.ram_total_size:.3g} GB of memory all the while; PUE 1; processor and "
            "memory only; its coefficients come without a range"
        )
