"""What every benchmark row records about where it was measured."""

import datetime
import os
import platform

import jax
import jaxlib
import numpy as np
import torch

import assocmem_jax as am


def provenance(**settings) -> dict:
    """Device, versions and the given settings, as columns of a row."""
    return {
        **settings,
        "device": jax.devices()[0].device_kind,
        "cpus": os.cpu_count(),
        "versions": {
            "assocmem_jax": am.__version__,
            "jax": jax.__version__,
            "jaxlib": jaxlib.version.__version__,
            "numpy": np.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "date": datetime.date.today().isoformat(),
    }
