"""The machinery that several plugins need, once. Each plugin carries this folder as `_kit`, a symbolic link.

Modules here import the SDK, requests and the standard library, never a plugin. What is a vendor's own stays in its
plugin: addresses, error shapes, paging style, limits.
"""
