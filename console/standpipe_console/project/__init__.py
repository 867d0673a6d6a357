"""The Meltano project: its plugins and pipelines, its `.env`, its stores, and dry runs."""
