package web

import (
	"strings"
)

// What a text may hold to be shown as more than plain text. The renderer fills up each row of a table to the width of its
// head, and its time for brackets, emphasis, links, and quotes and lists in one another grows with their square: 64 KiB that are made
// for it would take seconds and gigabytes. No person writes more than this.
const (
	maxCells    = 10_000 // of tables, if every line were a row of the widest
	maxBrackets = 2000
	maxEmphasis = 2000       // of the characters that it begins and ends with
	maxDepth    = 50         // of quotes and lists that one line begins, one in the other
	maxNesting  = 150_000    // of the quotes and lists that are open at each line, in all
	maxScanning = 10_000_000 // of the bytes that are gone through to see where links end
)

// tableRule is what the line below a table's head is made of, also in a list or a quote.
const tableRule = "|-: \t\r\n>*+.)0123456789"

// excessive says whether a text was made to be hard to render.
func excessive(text string) bool {
	return strings.Count(text, "[") > maxBrackets || emphasis(text) > maxEmphasis || overfull(text) || scanning(text) > maxScanning
}

// overfull says whether a text has too many cells, or too many quotes and lists in one another.
func overfull(text string) bool {
	rows, widest := 0, 0
	nesting, open, parted := 0, 0, true
	for line := range strings.Lines(text) {
		begun, reach := depth(line)
		if begun > maxDepth {
			return true
		}
		if rows++; strings.Trim(line, tableRule) == "" {
			widest = max(widest, strings.Count(line, "|"))
		}
		// What is open stays open below an empty line, and where a paragraph goes on. Else a line has to reach for it.
		switch blank := strings.TrimSpace(line) == ""; {
		case blank:
			parted = true
		case parted:
			open, parted = reach, false
		default:
			open = max(open, reach)
		}
		if nesting += open; nesting > maxNesting {
			return true
		}
	}
	return rows*widest > maxCells
}

// depth is how many quotes and lists a line begins, one in the other, and in how many it can be by its indentation.
func depth(line string) (begun, reach int) {
	const tab, narrowest = 4, 2 // columns of a tab, and of an item's indentation
	columns := 0
	for {
		for line != "" && (line[0] == ' ' || line[0] == '\t') {
			if columns++; line[0] == '\t' {
				columns += tab - 1
			}
			line = line[1:]
		}
		quoted, quote := strings.CutPrefix(line, ">")
		mark := strings.TrimLeft(line, "0123456789")
		switch {
		case quote:
			line = quoted
		case len(mark) > 1 && strings.IndexByte("-+*.)", mark[0]) >= 0 && strings.IndexByte(" \t\r\n", mark[1]) >= 0:
			line = mark[1:]
		default:
			return begun, begun + columns/narrowest
		}
		begun++
	}
}

// emphasis counts the characters that emphasis begins and ends with.
func emphasis(text string) int {
	return strings.Count(text, "*") + strings.Count(text, "_") + strings.Count(text, "~")
}

// scanning is how many bytes are looked at, at most, to find where links and definitions of links end. It stops counting where there are
// too many.
func scanning(text string) (bytes int) {
	for block := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		for at := strings.IndexByte(block, ']'); at >= 0 && bytes <= maxScanning; at = strings.IndexByte(block, ']') {
			block = block[at+1:]
			if strings.HasPrefix(block, "(") || strings.HasPrefix(block, ":") {
				bytes += linkEnd(block)
			}
		}
	}
	return bytes
}

// linkEnd is how far behind its text one has to look to see where a link ends: its target is in one line, which may be the next one, and its
// title anywhere in what follows.
func linkEnd(rest string) int {
	const lines, spaces = 3, " \t\n"
	if end := strings.IndexAny(rest, spaces); end > 0 && rest[0] == '(' && !strings.ContainsAny(rest[:end], "<\\") &&
		strings.Count(rest[:end], ")") >= strings.Count(rest[:end], "(") {
		return end
	}
	near := 0
	for range lines {
		next := strings.IndexByte(rest[near:], '\n')
		if next < 0 {
			return len(rest)
		}
		near += next + 1
	}
	if strings.ContainsAny(rest[1:near], `"'(`) {
		return len(rest)
	}
	return near
}
