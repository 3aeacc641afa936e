"""`python -m wyld`: the same as the console script."""

from wyld.cli import main

main()
