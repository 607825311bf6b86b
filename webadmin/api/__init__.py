"""The REST API's own parts: permissions, paging, strict filters, addresses."""
