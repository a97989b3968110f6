import pytest

pytest.importorskip("fastapi", reason="needs the extra 'server'")
