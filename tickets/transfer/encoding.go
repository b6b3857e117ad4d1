package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Encoding is how the text of a file is written in bytes.
type Encoding string

// The encodings. Windows-1252 has all of Latin-1.
const (
	UTF8        Encoding = "UTF-8"
	UTF16LE     Encoding = "UTF-16LE"
	UTF16BE     Encoding = "UTF-16BE"
	Windows1252 Encoding = "Windows-1252"
)

// marks are the byte order marks that files may begin with.
var marks = []struct {
	mark     string
	encoding Encoding
}{{"\xef\xbb\xbf", UTF8}, {"\xff\xfe", UTF16LE}, {"\xfe\xff", UTF16BE}}

// encodingOf finds out how a file is written: by its byte order mark, else by whether it is UTF-8. One that has more broken characters than
// such of several bytes is not: in a long file of UTF-8 a single broken one is just that.
func encodingOf(f io.ReadSeeker) (Encoding, error) {
	in := bufio.NewReaderSize(f, 64<<10)
	head, _ := in.Peek(4)
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) { // a zip, whose texts are ours
		return UTF8, nil
	}
	for _, m := range marks {
		if bytes.HasPrefix(head, []byte(m.mark)) {
			return m.encoding, nil
		}
	}
	var several, broken int64
	for {
		r, size, err := in.ReadRune()
		switch {
		case errors.Is(err, io.EOF) && broken > several:
			return Windows1252, nil
		case errors.Is(err, io.EOF):
			return UTF8, nil
		case err != nil:
			return "", err
		case r == utf8.RuneError && size == 1:
			broken++
		case size > 1:
			several++
		}
	}
}

// reader is a file's text in UTF-8, without its mark.
func (e Encoding) reader(f io.Reader) io.Reader {
	var from encoding.Encoding
	switch e {
	case UTF16LE:
		from = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case UTF16BE:
		from = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case Windows1252:
		from = charmap.Windows1252
	default:
		return skipMark(f)
	}
	return skipMark(from.NewDecoder().Reader(f))
}
