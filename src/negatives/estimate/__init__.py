"""The estimators: from the evidence of a whole run to the probability of relevance."""
