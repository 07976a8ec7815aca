"""Time series: the `.ts` files and the tables of the UCR and UEA archives.

`found` says which files those are, `rows` reads the series and the class of each, `folder` puts
them together.
"""
