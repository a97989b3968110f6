import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def build():
    """The builders next to this file: with --import-mode=importlib, test folders are no packages."""
    spec = importlib.util.spec_from_file_location("render_builders", Path(__file__).with_name("builders.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
