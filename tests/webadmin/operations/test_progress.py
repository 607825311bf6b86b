import io

from webadmin.operations.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(stream):
    progress = Progress("Measuring", 3, stream)
    for _ in range(3):
        progress.step()
    progress.end()
    return stream.getvalue()


def test_a_terminal_sees_how_far_it_is_and_is_left_clean():
    drawn = run(Terminal())

    assert "Measuring" in drawn
    assert "3/3" in drawn
    assert drawn.endswith("\r\033[K")


def test_nothing_is_drawn_where_nobody_watches():
    assert run(io.StringIO()) == ""
