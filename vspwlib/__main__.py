"""``python -m vspwlib`` is ``vspw``."""

from vspwlib.cli import main

if __name__ == "__main__":
    main()
