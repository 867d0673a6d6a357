"""Records: their two types, the values that ChartMogul takes, the bodies of requests, and the buffered input."""
