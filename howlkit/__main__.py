"""`python -m howlkit` is `howlkit`."""

from howlkit.cli import main

if __name__ == "__main__":
    main()
