package proxy

// What tests look at from outside, because nobody else has to.
var (
	NewCertStore = newCertStore
	Blanked      = blanked
	Judge        = func(err error) (reason string, everywhere bool) {
		f := judge(err)
		return f.reason, f.everywhere
	}
)
