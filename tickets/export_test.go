package tickets

// Shorten has the desk's lists look at that many rows in one transaction and sort that many, so that a test reaches the ends
// with few tickets.
func (d *Desk) Shorten(rows, sortable int) { d.reach = reach{rows, sortable} }
