"""The bench: every recipe that applies, on one collection, with equal means, in one table.

`choice` says which recipes, and the baselines that are always there; `applies` why one cannot be
tried here; `their_miner` is sentence-transformers' own; `trained` measures by a dev split and
`hidden` by positives that were hidden; `bench` puts it together.
"""
