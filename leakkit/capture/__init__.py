"""Getting into processes and bringing a copy of their heap back: the only room with effects on other processes."""
