"""The same scraper; it keeps strings of its own."""

import bs4

titles = []


def fetch(number):
    """A page with a table of 400 rows."""
    rows = "".join(f"<tr><td>{number}-{row}</td><td>{'some text ' * 60}</td></tr>" for row in range(400))
    return f"<html><head><title>page {number}</title></head><body><table>{rows}</table></body></html>"


def operation(number):
    """Scrape one page."""
    page = bs4.BeautifulSoup(fetch(number), "html.parser")
    titles.append(str(page.title.string))
