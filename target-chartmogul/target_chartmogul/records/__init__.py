"""Records: their kinds and types, the values that ChartMogul takes, the bodies of requests, and the spooled input."""
