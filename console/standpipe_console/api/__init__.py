"""How the console speaks to Chargebee, Intercom and ChartMogul."""
