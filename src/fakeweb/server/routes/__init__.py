"""The addresses, one file per subject. A new one is a router here and a line in ``app.py`` and ``gate.py``."""
