"""Ways to forget that are no loss of responses: edits, representations, privacy, the worst case.

    redirect       ROCR: a concept's key in one layer leads to a harmless concept, by one solve
    label_free     LAF: representations of what is forgotten pushed off, without labels
    worst_case     which items are the hardest to forget, an audit of other methods
    private        DP2Unlearning: a base trained with differential privacy, to go back to

They are functions of torch modules and arrays. Losses of responses are in `learn.sequence`, what
restricts a model while it writes is `guide.RestrictedLogits`, and whether anything was forgotten is
measured by `measure.responses`.
"""
