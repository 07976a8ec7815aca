"""`python -m negatives`, where the script is not on the path."""

from negatives.cli import main

main()
