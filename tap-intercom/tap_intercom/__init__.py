"""A Singer tap for Intercom's people, companies and conversations, https://developers.intercom.com/docs/references."""
