package main

import (
	"cmp"
	"errors"
	"strings"
)

// failure is the error document of the contract. It is also how an error travels through the admin socket.
type failure struct {
	Success bool                `json:"success"`
	Message string              `json:"message"`
	Reason  string              `json:"error,omitempty"`
	Code    string              `json:"code"`
	Details string              `json:"details,omitempty"`
	Errors  map[string][]string `json:"errors,omitempty"`
}

// whole is the failure with an explanation in any case, for those who look for one under "error", as the API's documents have it.
func (f *failure) whole() *failure {
	filled := *f
	filled.Reason = cmp.Or(f.Reason, f.Details, f.Message)
	return &filled
}

// Error is the failure in one line.
func (f *failure) Error() string {
	switch {
	case f.Details != "":
		return f.Details
	case f.Reason != "":
		return f.Message + " " + f.Reason
	default:
		return f.Message
	}
}

// usageError is a call that can't be meant: the exit code is 2.
type usageError struct {
	command string // whose help says more
	text    string
}

func (e *usageError) Error() string { return e.text }

// unsaid is a failure whose document has been printed already: only the exit code is left to give.
type unsaid struct{}

func (unsaid) Error() string { return "findings" }

// fail prints err once and returns the exit code that belongs to it.
func (p *program) fail(args []string, err error) int {
	if errors.As(err, &unsaid{}) {
		return exitFailed
	}
	code := exitFailed
	var usage *usageError
	var bad *settingError
	if errors.As(err, &usage) || errors.As(err, &bad) {
		code = exitUsage
	}
	if p.asJSON || wantsJSON(args) {
		if err := p.printJSON(describe(err).whole()); err != nil {
			p.complain(err.Error())
		}
		return code
	}
	p.complain(describe(err).Error())
	if usage != nil {
		p.complain("see: " + usage.command + " --help")
	}
	return code
}

// complain writes one line to stderr.
func (p *program) complain(line string) {
	line = strings.ReplaceAll(strings.TrimSpace(line), "\n", " ")
	_, _ = p.errs.Write([]byte("deskgate: " + line + "\n"))
}

// wantsJSON finds --json where the flags could not be parsed.
func wantsJSON(args []string) bool {
	for _, a := range args {
		if a == "--" {
			return false
		}
		if a == "--json" || a == "--json=true" {
			return true
		}
	}
	return false
}
