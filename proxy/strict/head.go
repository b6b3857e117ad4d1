package strict

import (
	"bytes"
	"encoding/binary"
)

// head is what the fields of one request say about how it has to be read.
type head struct {
	minor     byte // of the version: 0 or 1
	get       bool
	authority []byte // of a target that is a whole URL; nil if it is a path
	host      []byte
	hosts     int
	length    int64
	lengths   int
	chunked   bool
	upgrade   bool // asks for another protocol
	webSocket bool // asks for WebSockets, and is such that it could be granted
}

// request reads a request line.
func (h *head) request(line []byte) string {
	method, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok || !token(method) {
		return "request_line"
	}
	target, version, ok := bytes.Cut(rest, []byte{' '})
	if !ok || len(version) != len("HTTP/1.x") || string(version[:7]) != "HTTP/1." {
		return "request_line"
	}
	if h.minor = version[7] - '0'; h.minor > 1 {
		return "request_line"
	}
	for _, c := range target {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return "target"
		}
	}
	h.get = string(method) == "GET"
	return h.target(target, string(method) == "OPTIONS")
}

// target reads what is asked for: a path, a whole URL, or with OPTIONS all of the server.
func (h *head) target(target []byte, options bool) string {
	if len(target) > 0 && target[0] == '/' || options && string(target) == "*" {
		return ""
	}
	scheme, rest, ok := bytes.Cut(target, []byte("://"))
	if !ok || !fold(scheme, "http") && !fold(scheme, "https") {
		return "target"
	}
	if end := bytes.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	if !authority(rest) {
		return "target"
	}
	h.authority = bytes.Clone(rest)
	return ""
}

// field reads one line of the head.
func (h *head) field(line []byte) string {
	name, value, ok := bytes.Cut(line, []byte{':'})
	if !ok || !token(name) || !text(value) {
		return "field" // a line that goes on the one before begins with a space, which no name does
	}
	value = bytes.Trim(value, " \t")
	switch len(name) {
	case len("Host"):
		if fold(name, "host") {
			return h.named(value)
		}
	case len("Upgrade"):
		if fold(name, "upgrade") {
			h.webSocket = !h.upgrade && fold(value, "websocket")
			h.upgrade = true
		}
	case len("Content-Length"):
		if like(name, "content-length") {
			return h.sized(name, value)
		}
	case len("Transfer-Encoding"):
		if like(name, "transfer-encoding") {
			return h.coded(name, value)
		}
	}
	return ""
}

func (h *head) named(value []byte) string {
	if h.hosts++; h.hosts > 1 || len(value) > 0 && !authority(value) {
		return "host"
	}
	h.host = append(h.host[:0], value...)
	return ""
}

func (h *head) sized(name, value []byte) string {
	if h.lengths++; h.lengths > 1 || bytes.IndexByte(name, '-') < 0 || len(value) == 0 || len(value) > maxDigits {
		return "length"
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return "length"
		}
		h.length = h.length*10 + int64(c-'0')
	}
	return ""
}

func (h *head) coded(name, value []byte) string {
	if h.chunked || bytes.IndexByte(name, '-') < 0 || !fold(value, "chunked") {
		return "coding"
	}
	h.chunked = true
	return ""
}

// whole judges what only the end of the head shows.
func (h *head) whole() string {
	switch {
	case h.hosts == 0 && h.minor > 0:
		return "host"
	case h.authority != nil && h.hosts > 0 && !bytes.EqualFold(h.authority, h.host):
		return "host" // RFC 9112 would have the URL win, and the next server may not
	case h.chunked && (h.lengths > 0 || h.minor == 0):
		return "coding"
	}
	h.webSocket = h.webSocket && h.get && h.minor > 0 && !h.chunked && h.length == 0
	return ""
}

// trailer judges a field that comes after the body: none that says how to read the message, or for whom it is.
func trailer(line []byte) string {
	name, value, ok := bytes.Cut(line, []byte{':'})
	if !ok || !token(name) || !text(value) {
		return "field"
	}
	for _, framing := range [...]string{"host", "upgrade", "content-length", "transfer-encoding", "connection", "trailer", "te"} {
		if like(name, framing) {
			return "trailer"
		}
	}
	return ""
}

// authority says whether that is a host and perhaps a port: no user, no path, no list.
func authority(b []byte) bool {
	for _, c := range b {
		if !hostByte[c] {
			return false
		}
	}
	return len(b) > 0
}

// fold compares with a lower-case word.
func fold(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// like is fold for names in which other programs take "_" for "-": who writes one of these so means it for them.
func like(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		switch {
		case c == '_' || c == '.':
			c = '-'
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// What methods and names are made of, and what hosts with their ports are.
var (
	tokenByte = set("!#$%&'*+-.^_`|~" + alphanumeric)
	hostByte  = set("!$&'()*+-.:=[]_~" + alphanumeric)
)

const alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func set(of string) (table [256]bool) {
	for i := range len(of) {
		table[of[i]] = true
	}
	return table
}

func token(b []byte) bool {
	for _, c := range b {
		if !tokenByte[c] {
			return false
		}
	}
	return len(b) > 0
}

// text says whether there is no control character but the tab.
func text(b []byte) bool {
	for len(b) >= 8 && plain(binary.LittleEndian.Uint64(b)) {
		b = b[8:]
	}
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// plain says whether none of eight bytes is below 0x20 or 0x7f.
func plain(w uint64) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	below := (w - 0x20*ones) &^ w
	del := w ^ 0x7f*ones
	return (below|(del-ones)&^del)&tops == 0
}
