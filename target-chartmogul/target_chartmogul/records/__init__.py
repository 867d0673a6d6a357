"""Records: both types, the values that ChartMogul accepts, the bodies of requests, and the buffered input."""
