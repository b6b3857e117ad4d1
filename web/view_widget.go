package web

// widgetView is the page in the widget's frame. Its script builds what is to be seen.
type widgetView struct {
	frame

	Lang string
	// Origin is that of the page around the frame, empty if the tenant does not allow it.
	Origin string
}

// Base is where our pages begin at this host.
func (v *widgetView) Base() string { return v.mount }
