"""All communication with ChartMogul: calls, retries, rate limits, and the form of answers."""
