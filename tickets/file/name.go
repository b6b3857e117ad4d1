package file

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the longest name that is kept, in bytes: what file systems take, with room for a number that is added.
const maxName = 200

// CleanName makes of what a sender calls a file a name that is one line, names no folder, reads in one direction and fits into
// every file system. It is never empty.
func CleanName(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, name)
	name = strings.TrimSpace(name)
	if strings.Trim(name, ". ") == "" {
		return "file"
	}
	return shorten(name)
}

// shorten cuts a name that is too long, but keeps its extension.
func shorten(name string) string {
	if len(name) <= maxName {
		return name
	}
	const longest = 20
	ext := path.Ext(name)
	if len(ext) > longest {
		ext = ""
	}
	stem := name[:maxName-len(ext)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return strings.TrimSpace(stem) + ext
}
