"""A Singer tap for Chargebee's billing records, https://apidocs.chargebee.com/docs/api."""
