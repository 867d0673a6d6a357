"""Code that several plugins share.

Each plugin contains this folder as `_kit`, a symbolic link. Modules here import the SDK, requests and the standard
library, never a plugin. Addresses, error shapes, paging styles and limits of a vendor belong to that vendor's plugin.
"""
