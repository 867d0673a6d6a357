"""Intercom's companies and their people as ChartMogul's customers and contacts."""
