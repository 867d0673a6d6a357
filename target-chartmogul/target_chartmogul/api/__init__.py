"""The one door to ChartMogul: every call, its retries and rate limit, and what its answers hold."""
