"""The console's communication with Chargebee, Intercom and ChartMogul."""
