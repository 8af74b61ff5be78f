__version__ = "0.1.0"

import os
import sys

if ("MUSCLE_PROGRESS" in os.environ or "ipykernel" not in sys.modules) and "tqdm.auto" not in sys.modules:
    # accelerate asks for tqdm.auto, which loads ipywidgets; only a notebook that somebody watches has a use for those
    import tqdm.std

    sys.modules["tqdm.auto"] = tqdm.std
