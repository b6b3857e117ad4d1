package certificate

// Judge is judge, taken apart.
func Judge(err error) (reason string, everywhere bool) {
	f := judge(err)
	return f.reason.String(), f.everywhere
}
