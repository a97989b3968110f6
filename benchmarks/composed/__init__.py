"""Clips and pictures of several faces with known truth, composed of labelled stills; what the scanner says of them."""
