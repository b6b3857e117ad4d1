package main

import (
	"bytes"
	"strings"
	"testing"
)

// What tenants write, such as the name of a certificate's issuer, is shown by the operator's terminal and does nothing to it.
func TestNothingCommandsTheTerminal(t *testing.T) {
	const evil = "\x1b[31mEVIL\x1b]0;pwn\x07\x9b1m\nroot  fake\tcell\u202egnp\u2066"
	var out bytes.Buffer
	p := &program{out: &out}
	if err := p.answer(nil, func(b *bytes.Buffer) {
		table(b, "", []string{"HOST", "ISSUER"}, [][]string{{"a.example", evil}})
		pairs(b, "Issuer", evil)
		b.WriteString("Issued by " + evil + "\n")
	}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"\x1b", "\x07", "\x9b", "\t", "\u202e", "\u2066", "\u009b"} {
		if strings.Contains(out.String(), bad) {
			t.Errorf("%q comes through: %q", bad, out.String())
		}
	}
	if lines := strings.Count(out.String(), "\n"); lines != 5 { // free text has lines
		t.Errorf("%d lines: %q", lines, out.String())
	}
}
