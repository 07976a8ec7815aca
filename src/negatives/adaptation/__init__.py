"""From documents alone to a better model: what `negatives adapt` does, a step at a time.

    questions.py    queries that generators write, united; the user's own questions on the passages
    steps.py        passages, queries, negatives, model, evaluations: each kept, none done twice
    adapt.py        all of them, and what they come to

Nothing here finds, judges or trains anything: each step is one that users can take by itself.
"""
