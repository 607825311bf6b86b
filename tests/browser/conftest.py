"""A real browser on the live pages, with demo calls to look at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Browser, Page, sync_playwright

PASSWORD = "a long pass phrase"
# Nothing but the page under test is asked for; the shared memory of a container is small.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


# Not for the session: while playwright is open its event loop counts as running, and asynchronous tests could not.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Playwright's synchronous API runs an event loop in this thread, in which Django refuses its ORM otherwise.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.fail("no chromium on the PATH: run `make system-test`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture
def page(chromium: Browser, live_server, transactional_db, settings, tmp_path) -> Iterator[Page]:
    """A dispatcher's window, logged in, pages in English; an error in a script of a page fails the test."""
    settings.MEDIA_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    call_command("seed_demo", "--calls", "20", verbosity=0, stdout=open(os.devnull, "w"))  # noqa: SIM115
    User.objects.create_superuser("dispatcher", password=PASSWORD)
    context = chromium.new_context(base_url=live_server.url, locale="en-US", viewport={"width": 1400, "height": 900})
    context.set_default_timeout(15_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto("/admin/")
    page.get_by_label("Username").fill("dispatcher")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Site administration").wait_for()
    yield page
    context.close()
    assert errors == []
