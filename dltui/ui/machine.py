"""One line about this machine: device, use, memory. Every figure degrades to absence."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MachineState:
    """What the header says. `gpu` is None on a machine without an NVIDIA driver."""

    cpu_percent: float
    ram_used_bytes: int
    ram_total_bytes: int
    gpu: str | None = None
    gpu_percent: float | None = None
    gpu_used_bytes: int | None = None
    gpu_total_bytes: int | None = None

    def __str__(self) -> str:
        if self.gpu is None:
            return (
                f"cpu ×{os.cpu_count() or 1}  {self.cpu_percent:.0f} %  "
                f"{_gib(self.ram_used_bytes)}/{_gib(self.ram_total_bytes)} GiB"
            )
        parts = [f"cuda:0 {self.gpu}"]
        if self.gpu_percent is not None:
            parts.append(f"{self.gpu_percent:.0f} %")
        if self.gpu_used_bytes is not None and self.gpu_total_bytes:
            parts.append(f"{_gib(self.gpu_used_bytes)}/{_gib(self.gpu_total_bytes)} GiB")
        return "  ".join(parts)


def machine_state() -> MachineState:
    """Read the state now; blocks for some milliseconds, so call it in a thread."""
    import psutil  # not needed for the first frame

    memory = psutil.virtual_memory()
    name, percent, used, total = _gpu()
    return MachineState(psutil.cpu_percent(), memory.used, memory.total, name, percent, used, total)


def has_accelerator() -> bool:
    """True where an NVIDIA driver answers, or on Apple silicon."""
    return _gpu()[0] is not None or (
        platform.system() == "Darwin" and platform.machine() == "arm64"
    )


def _gpu() -> tuple[str | None, float | None, int | None, int | None]:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None, None, None, None
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(0)
        name = pynvml.nvmlDeviceGetName(handle)
        name = name.decode() if isinstance(name, bytes) else str(name)
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        percent = float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
        return name.removeprefix("NVIDIA "), percent, int(memory.used), int(memory.total)
    except pynvml.NVMLError:
        return None, None, None, None
    finally:
        pynvml.nvmlShutdown()


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.1f}"
