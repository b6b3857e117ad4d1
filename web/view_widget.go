package web

// widgetView is the page in the widget's frame. Its script builds what is to be seen.
type widgetView struct {
	frame

	Lang string
	// Origin is that of the page around the frame, empty if the tenant does not allow it.
	Origin string
	// FileSize is how large a file may be, in bytes, FileLimit the same for people, and FileCount how many a message may have.
	FileSize  int64
	FileLimit string
	FileCount int
}

// Base is where our pages begin at this host.
func (v *widgetView) Base() string { return v.mount }
