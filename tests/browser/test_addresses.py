"""Results with an address: reload, back, another visitor, another tenant, and the printed page."""

import re
import subprocess
import sys

import pytest

pytest.importorskip("playwright", reason="needs playwright (`just setup`)")

from playwright.sync_api import expect

SCOPES = ("--scopes", "predict,videos,enqueue,results")


def give(page, path):
    page.locator("input[type=file]").set_input_files(str(path))
    expect(page.locator(".verdict h1")).to_be_visible()
    expect(page).to_have_url(re.compile("/r/[0-9a-f]{32}$"))
    return page.url


def test_a_result_outlives_reload_and_back(visit, strict, portrait_path, shot):
    page = visit(strict, permissions=["clipboard-read", "clipboard-write"])
    address = give(page, portrait_path)
    page.reload()
    expect(page.locator(".verdict h1")).to_have_text("This looks manipulated")
    expect(page.locator(".frame .sheet img")).to_be_visible()  # the small copy of this browser
    page.get_by_role("button", name="Copy the link").click()
    page.get_by_text("The link is copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == address
    page.get_by_role("link", name="History").click()
    expect(page).to_have_url(re.compile("/history$"))
    page.go_back()
    expect(page.locator(".verdict h1")).to_have_text("This looks manipulated")
    page.go_back()
    expect(page.get_by_role("heading", name="Was this face manipulated?")).to_be_visible()
    page.go_forward()
    expect(page.locator(".verdict h1")).to_be_visible()

    other = visit(strict)  # another browser has no copy of the picture
    other.goto(address)
    expect(other.locator(".verdict")).to_contain_text("keeps figures and no picture")
    expect(other.locator(".frame.bare .spot.fake")).to_have_count(1)
    shot(other, "page-by-address")
    printed = other.pdf()
    assert printed.count(b"/Type /Page\n") <= 3


def test_a_clip_by_its_address_still_has_its_overlay(visit, strict, clip):
    page = visit(strict)
    address = give(page, clip)
    expect(page.locator(".clip-length")).to_have_text(
        re.compile(r"Clip of 0:0[23], \d+ of 24 frames looked at")
    )
    expect(page.locator(".stills button").first).to_have_text(re.compile(r"Person 1, 0:0\d\.\d, \d+ %"))
    other = visit(strict)
    other.goto(address)
    expect(other.locator(".player video")).to_have_attribute("aria-label", "clip.mp4, With mesh")
    expect(other.locator(".stills img").first).to_be_visible()


@pytest.fixture
def locked(run_service):
    """A service that asks for keys, and a maker of keys of a tenant."""
    one = run_service(auth="required", threshold=0.001)

    def key(tenant):
        words = [sys.executable, "-m", "fakeweb", "keys", "create", tenant, "--tenant", tenant, *SCOPES]
        made = subprocess.run(
            [*words, "--data-dir", str(one.data_dir)], capture_output=True, text=True, check=True
        )
        return made.stdout.strip()

    return one, key


def test_a_result_belongs_to_its_tenant(visit, locked, portrait_path):
    one, key = locked

    def enter(page, tenant):
        page.get_by_label("API key").fill(key(tenant))
        page.get_by_role("button", name="Use this key").click()

    ours = visit(one)
    enter(ours, "ours")
    address = give(ours, portrait_path)
    colleague = visit(one)
    colleague.goto(address)
    enter(colleague, "ours")
    expect(colleague.locator(".verdict h1")).to_have_text("This looks manipulated")
    stranger = visit(one)
    stranger.goto(address)
    enter(stranger, "theirs")
    expect(stranger.get_by_role("alert")).to_contain_text("There is no such result")
    expect(stranger.locator(".verdict")).to_have_count(0)


def test_what_was_deleted_is_gone_at_its_address(visit, run_service, portrait_path):
    page = visit(run_service())
    address = give(page, portrait_path)
    page.get_by_role("button", name="Forget this").click()
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()
    page.goto(address)
    expect(page.get_by_role("alert")).to_contain_text("There is no such result")
