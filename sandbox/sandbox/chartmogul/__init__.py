"""ChartMogul's API, https://dev.chartmogul.com/reference."""
