"""One JSON schema a stream, made by ``scripts/make_schemas.py``."""
