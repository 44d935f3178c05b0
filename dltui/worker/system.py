"""What the machine does meanwhile: CPU, memory and GPU figures, each NaN where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import psutil
import torch

SYSTEM_COLUMNS = (
    "cpu_percent",
    "ram_bytes",
    "gpu_percent",
    "gpu_memory_bytes",
    "gpu_memory_total_bytes",
    "gpu_power_w",
    "gpu_temperature_c",
    "samples_per_s",
    "step_ms",
    "loader_share",
    "diagnostics_share",
)
MACHINE_COLUMNS = SYSTEM_COLUMNS[:7]


class Machine:
    """Figures of this process and of its device, in the order of `MACHINE_COLUMNS`."""

    def __init__(self, device: torch.device):
        self._process = psutil.Process()
        self._process.cpu_percent()
        self._device = device
        self._gpu = _nvml_handle(device)

    def read(self) -> list[float]:
        """cpu % (100 a core), resident bytes, and of the GPU: %, bytes, total bytes, W, °C."""
        own = [self._process.cpu_percent(), float(self._process.memory_info().rss)]
        if self._gpu is None:
            return own + self._without_nvml()
        nvml, handle = self._gpu
        memory = _or_nan(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        return [
            *own,
            _or_nan(lambda: float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
            _or_nan(lambda: float(memory.used)),
            _or_nan(lambda: float(memory.total)),
            _or_nan(lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1000),
            _or_nan(lambda: float(nvml.nvmlDeviceGetTemperature(handle, 0))),
        ]

    def _without_nvml(self) -> list[float]:
        used = total = math.nan
        if self._device.type == "cuda":
            used = float(torch.cuda.memory_reserved(self._device))
            total = float(torch.cuda.get_device_properties(self._device).total_memory)
        elif self._device.type == "mps":
            used = float(torch.mps.driver_allocated_memory())
        return [math.nan, used, total, math.nan, math.nan]


def _nvml_handle(device: torch.device) -> tuple[Any, Any] | None:
    """The NVML module and this device's handle; found by UUID, for CUDA numbers differ from it."""
    if device.type != "cuda":
        return None
    try:
        import pynvml  # only where there is a CUDA device

        pynvml.nvmlInit()
        uuid = str(torch.cuda.get_device_properties(device).uuid)
        return pynvml, pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}".encode())
    except Exception:  # noqa: BLE001  any figure that is missing is shown as N/A
        return None


def _or_nan(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except Exception:  # noqa: BLE001  NVML raises for each figure that a card does not have
        return math.nan
