"""What is read of Intercom: the table of resources, and how a run reads each of them."""
