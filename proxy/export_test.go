package proxy

// What tests look at from outside, because nobody else has to.
var (
	NewCertStore = newCertStore
	Blanked      = blanked
	Secret       = secret
)

// Judge is judge, taken apart.
func Judge(err error) (reason string, everywhere bool) {
	f := judge(err)
	return f.reason, f.everywhere
}
