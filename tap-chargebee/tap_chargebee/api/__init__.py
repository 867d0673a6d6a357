"""All that goes over the wire: Chargebee's API, its pages, its errors, and what the streams of a run share."""
