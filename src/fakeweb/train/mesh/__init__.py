"""Train the face mesh: labels from a teacher, cached crops, a network, a loop, export. Dispatched by ``task = "mesh"``.

May import what :mod:`fakeweb.train` may. Importing this package loads no torch.
"""
