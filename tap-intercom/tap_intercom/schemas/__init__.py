"""One JSON schema per stream, made by ``scripts/make_schemas.py``."""
