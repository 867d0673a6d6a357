"""Finds ChartMogul's customer or contact for each record."""
