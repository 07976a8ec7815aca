"""Label matrices: texts that each have some of a fixed set of labels (extreme classification).

Texts are queries, labels are documents, and a label goes by its id. `folder` finds the files,
`rows` reads JSON lines with lists of labels, `sparse` the sparse text format of the extreme
classification repository, `labels` what the labels are called, `made` puts them together.
"""
