package file

import (
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// sniffed is how many bytes tell what a file is: a zip says only after some names what sort of document it is.
const sniffed = 3072

// kindOf is the media type of a file that begins so.
func kindOf(head []byte) string {
	kind, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	return kind
}

// Image says whether the file is a picture that browsers can show, and that cannot run anything.
func (i Info) Image() bool {
	switch i.Type {
	case "image/png", "image/jpeg", "image/gif", "image/webp":
		return true
	}
	return false
}
