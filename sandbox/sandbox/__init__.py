"""One process that behaves as Chargebee, Intercom and ChartMogul do."""
