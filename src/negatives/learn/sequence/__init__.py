"""Language models that learn from right and wrong responses.

A prompt is a query, a response a document. A *sequence* is a prompt with a response, of which the
tokens of the response alone are predicted; an *example* is what a loss compares: one wrong
response, a right and a wrong one of the same prompt, or one wrong and several right ones. Losses
see log-probabilities of the tokens of responses, one after the other, without padding
(`batch.Sequences`), so that no sum and no mean can count a prompt or padding. Of these:

    sum    log pi(y|x) = sum_t log pi(y_t | x, y_<t)      the probability of the response
    mean   the same, divided by the number of its tokens  fair to responses of different lengths

NPO and DPO are made of sums, SimNPO and SimPO of means, and each with the other's is another loss
with another temperature: the two have different names here and nothing chooses between them.
"""
