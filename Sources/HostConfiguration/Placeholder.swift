// A room yet to be furnished.
