package strict

import "bytes"

// step is where in a message the next byte belongs.
type step uint8

const (
	start     step = iota // before a request line; an empty line is ignored there
	fields                // in the head
	content               // in a body of known length
	size                  // in the line with a chunk's size
	data                  // in a chunk
	dataEnd               // in the line end after a chunk
	trailers              // in the fields after the last chunk
	tunnelled             // no HTTP any more
)

const (
	// A chunk's size has a few digits; extensions are used by nobody and ignored by all.
	maxSizeLine = 256
	// What comes after a body is a checksum or a status.
	maxTrailers = 4 << 10
	// Fifteen hexadecimal or eighteen decimal digits fit into 63 bits.
	maxHexDigits, maxDigits = 15, 18
)

// message follows the requests on a connection, one after the other.
type message struct {
	step step
	left int64  // bytes of the body or the chunk
	line []byte // the beginning of a line whose end has not come yet
	past int    // bytes of the line with a chunk's size, or of the trailers
	last byte   // of the line with a chunk's size, or of the end of a chunk
	head head
}

// feed looks at the next bytes. It returns how many of them may be passed on, and if not all, why.
func (m *message) feed(p []byte) (good int, reason string) {
	for good < len(p) && reason == "" {
		rest, n := p[good:], 0
		switch m.step {
		case tunnelled:
			return len(p), ""
		case content, data:
			n = m.skip(rest)
		case size:
			n, reason = m.chunk(rest)
		case dataEnd:
			n, reason = m.chunkEnd(rest[0])
		case start, fields, trailers:
			n, reason = m.lines(rest)
		}
		good += n
	}
	return good, reason
}

// skip takes what belongs to a body or a chunk.
func (m *message) skip(rest []byte) int {
	n := min(int64(len(rest)), m.left)
	if m.left -= n; m.left > 0 {
		return int(n)
	}
	if m.step == content {
		m.step = start
	} else {
		m.step, m.last = dataEnd, 0
	}
	return int(n)
}

// lines takes one line, or the beginning of one. A head's length is bounded by who reads it, that of trailers is here.
func (m *message) lines(rest []byte) (n int, reason string) {
	end := bytes.IndexByte(rest, '\n')
	if end < 0 {
		if m.line = append(m.line, rest...); m.step == trailers && len(m.line) > maxTrailers {
			return 0, "trailer"
		}
		return len(rest), ""
	}
	line := rest[:end+1]
	if len(m.line) > 0 {
		m.line = append(m.line, line...)
		line = m.line
	}
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return end, "line_end"
	}
	if reason = m.read(line[:len(line)-2]); reason != "" {
		return end, reason
	}
	m.line = m.line[:0]
	return end + 1, ""
}

// read takes a line without its end.
func (m *message) read(line []byte) string {
	switch {
	case m.step == start && len(line) == 0:
		return "" // some clients send one too many after a body
	case m.step == start:
		m.head = head{host: m.head.host[:0]}
		m.step = fields
		return m.head.request(line)
	case m.step == fields && len(line) == 0:
		return m.body()
	case m.step == fields:
		return m.head.field(line)
	case len(line) == 0: // after the trailers
		m.step = start
		return ""
	}
	if m.past += len(line); m.past > maxTrailers {
		return "trailer"
	}
	return trailer(line)
}

// body finds out what follows a head.
func (m *message) body() string {
	if reason := m.head.whole(); reason != "" {
		return reason
	}
	switch {
	case m.head.chunked:
		m.sized()
	case m.head.length > 0:
		m.step, m.left = content, m.head.length
	case m.head.webSocket:
		m.step = tunnelled
	default:
		m.step = start
	}
	return ""
}

// sized waits for the line with a chunk's size.
func (m *message) sized() { m.step, m.left, m.past, m.last = size, 0, 0, 0 }

// chunk takes the line with a chunk's size, byte by byte, as net/http sees no more of it than the size: 1*HEXDIG, perhaps
// spaces, perhaps ";" and an extension, CR LF.
func (m *message) chunk(rest []byte) (n int, reason string) {
	for i, c := range rest {
		digit := hexDigit(c)
		number := m.last == 0 || hexDigit(m.last) >= 0 // nothing but digits yet
		switch {
		case m.last == '\r':
			if c != '\n' {
				return i, "chunk"
			}
			m.step = data
			if m.left == 0 {
				m.step, m.past = trailers, 0
			}
			return i + 1, ""
		case m.past == maxSizeLine:
			return i, "chunk"
		case number && digit >= 0 && m.past < maxHexDigits:
			m.left = m.left<<4 | digit
		case m.last == 0, c != '\r' && (c < ' ' && c != '\t' || c == 0x7f):
			return i, "chunk"
		case m.last != ';' && c != ';' && c != ' ' && c != '\t' && c != '\r':
			return i, "chunk"
		}
		m.past++
		if m.last != ';' || c == '\r' { // what follows a semicolon matters to nobody
			m.last = c
		}
	}
	return len(rest), ""
}

// chunkEnd takes a byte of the CR LF after a chunk.
func (m *message) chunkEnd(c byte) (n int, reason string) {
	switch {
	case m.last == 0 && c == '\r':
		m.last = c
	case m.last == '\r' && c == '\n':
		m.sized()
	default:
		return 0, "chunk"
	}
	return 1, ""
}

func hexDigit(c byte) int64 {
	switch {
	case '0' <= c && c <= '9':
		return int64(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int64(c|0x20-'a') + 10
	}
	return -1
}
