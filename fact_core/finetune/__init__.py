"""Finetuning: the three phases of FACT, the one loop, and the checkpoints between them."""
