"""Train the face finder: an anchor-free network, taught by what other finders agree on.

``pool`` keeps the pictures and their agreed faces, ``scene`` composes training pictures of them, ``targets`` says
what the network should answer, ``net`` is the network, ``loop`` trains, ``measure`` validates. The way back from the
network's maps to faces is :mod:`fakeweb.faces.anchor_free`, the same for training and use.
"""
