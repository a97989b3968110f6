"""Training of a classifier of whole pictures: animal, person, vehicle, other.

``recipe`` reads what to learn from, ``pictures`` gathers and degrades it, ``drawn`` draws screens and pages, ``task``
is what the loop trains, ``finish`` calibrates, measures and exports.
"""
