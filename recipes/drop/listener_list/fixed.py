"""The same board; a view unsubscribes when it is closed."""


class Feed:
    """Tells its listeners each price."""

    def __init__(self):
        self.listeners = []

    def publish(self, price):
        """Tell everybody."""
        for listener in self.listeners:
            listener(price)


feed = Feed()


class View:
    """Draws prices into an image of its own."""

    def __init__(self, number):
        self.image = bytearray([number % 200 + 1]) * 150_000
        feed.listeners.append(self.on_price)

    def on_price(self, price):
        """Draw it."""
        self.image[0] = price % 256

    def close(self):
        """The visitor has gone."""
        self.image[0] = 0
        feed.listeners.remove(self.on_price)


def operation(number):
    """A visitor opens a view, sees one price and closes it."""
    view = View(number)
    feed.publish(number)
    view.close()
