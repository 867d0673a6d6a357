"""All that goes over the wire: Intercom's API, its pages, its errors, and what the streams of a run share."""
