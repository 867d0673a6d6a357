"""Users' expressions: `check_expression` reads one at the start, and `Expression.evaluate` computes it per customer.

The language is a small part of Python's, see docs/attributes.md. It has no attributes and no methods, cannot loop, and
every value in it is small, so that an expression can neither read a file nor take noticeable time or memory.
"""
