"""One incident in the forms that other emergency services' systems read: EIDO JSON and CAP 1.2."""
