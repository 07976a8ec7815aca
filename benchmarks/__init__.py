"""Measured figures: each module measures one thing and writes one page of docs/results/."""
