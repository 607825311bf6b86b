"""The brain: what is said, heard, understood and decided. It knows neither Django nor Asterisk."""
