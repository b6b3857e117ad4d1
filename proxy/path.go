package proxy

import "strings"

// asRead is the path as forgiving applications read it: a backslash is a slash for them, several slashes are one, and what follows
// a semicolon in a segment is no part of its name. It is not whole if a segment of it is "." or "..", or if it has a NUL: what
// is left of that is each application's own affair. Browsers send none of these.
func asRead(path string) (plain string, whole bool) {
	if !strange(path) {
		return path, true
	}
	var b strings.Builder
	b.Grow(len(path))
	for segment := range strings.SplitSeq(strings.ReplaceAll(path, `\`, "/"), "/") {
		name, _, _ := strings.Cut(segment, ";")
		if name == "." || name == ".." || strings.IndexByte(name, 0) >= 0 {
			return "", false
		}
		if name != "" {
			b.WriteByte('/')
			b.WriteString(name)
		}
	}
	if b.Len() == 0 || strings.HasSuffix(path, "/") {
		b.WriteByte('/')
	}
	return b.String(), true
}

// strange says whether a path has anything that two programs could read in two ways.
func strange(path string) bool {
	for i := range len(path) {
		switch path[i] {
		case ';', '\\', 0:
			return true
		case '/':
			if i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.') {
				return true
			}
		}
	}
	return false
}

// ofAPI says whether a path below the mount is one of those that programs call.
func ofAPI(mount, path string) bool {
	if mount != "/" {
		path = strings.TrimPrefix(path, mount)
	}
	return strings.HasPrefix(path, "/api/")
}

// ours says whether the path is the product's at the root of every tenant host, wherever its pages are mounted.
func ours(path string) bool {
	return strings.HasPrefix(path, "/.well-known/deskgate/") || strings.HasPrefix(path, "/.well-known/acme-challenge/") ||
		path == "/auth/callback" || path == "/auth/continue"
}

// under says whether the path is the mount or below it.
func under(mount, path string) bool {
	rest, below := strings.CutPrefix(path, mount)
	return below && (mount == "/" || rest == "" || rest[0] == '/')
}
