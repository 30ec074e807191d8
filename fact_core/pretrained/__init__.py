"""Pretrained weights as files: which there are, where they lie. No torch."""
