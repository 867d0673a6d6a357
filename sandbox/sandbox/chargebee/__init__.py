"""Chargebee's API v2 over the business."""
