"""Intercom as the sandbox plays it: API 2.14 over one workspace, https://developers.intercom.com/docs/references/introduction."""
