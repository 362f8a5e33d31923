"""Our networks and operators against the outputs that the official code gave: ``python -m tests.official FIXTURE.npz``.

Each module of this package knows one family of fixtures: ``matches(fixture)`` recognises it by its contents, and
``run(fixture)`` builds the network or operator from the fixture's own settings and weights, runs it, and yields one
:class:`~tests.official.fixture.Check` per stored output and number type.
"""
