__version__ = "0.1.0"

import os
import sys

if "MUSCLE_PROGRESS" in os.environ and "tqdm.auto" not in sys.modules:
    # accelerate asks for tqdm.auto, which loads ipywidgets in any kernel; nobody watches this one
    import tqdm.std

    sys.modules["tqdm.auto"] = tqdm.std
