"""How well a scenario understands labelled calls: cases in, figures out. ``manage.py evaluate`` is its face."""
