"""The same scraper; it keeps strings of its own, so the tree can be taken apart."""

import bs4

titles = []


def fetch(number):
    """A page with a table of 150 rows, 5 kB each."""
    rows = "".join(f"<tr><td>{number}-{row}</td><td>{'some text ' * 500}</td></tr>" for row in range(150))
    return f"<html><head><title>page {number}</title></head><body><table>{rows}</table></body></html>"


def operation(number):
    """Scrape one page."""
    page = bs4.BeautifulSoup(fetch(number), "html.parser")
    titles.append(str(page.title.string))
    page.html.decompose()
