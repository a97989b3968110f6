"""Judges the judges: protocols, metrics, tables and reports. Extra ``evaluate``.

``compose.py`` makes clips of known truth out of labelled stills.
"""
