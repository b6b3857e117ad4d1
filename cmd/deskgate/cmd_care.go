package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/storage"
)

// checked is what check found. With findings it is an error document as well.
type checked struct {
	*failure

	Findings []storage.Finding `json:"findings"`
	Records  int64             `json:"records"`
	Bytes    int64             `json:"bytes"`
	Blobs    int64             `json:"blobs"`
	// Orphans are the files that nothing refers to. They are no damage.
	Orphans int64 `json:"orphans"`
}

// UnmarshalJSON reads an answer of the running node, with the error document if there is one: encoding/json makes no
// embedded struct that is not exported.
func (a *checked) UnmarshalJSON(b []byte) error {
	type plain checked
	read := plain{failure: &failure{}}
	if err := json.Unmarshal(b, &read); err != nil {
		return err
	}
	if read.Code == "" {
		read.failure = nil
	}
	*a = checked(read)
	return nil
}

var check = action[nothing, checked]{"check", (*operator).check}

// mostFindings bounds what check keeps in memory; a store with more is beyond reading a list.
const mostFindings = 1000

func (o *operator) check(ctx context.Context, _ nothing) (checked, error) {
	a := checked{Findings: []storage.Finding{}}
	found := 0
	err := o.store.Check(ctx, func(f storage.Finding) {
		if found++; found <= mostFindings {
			a.Findings = append(a.Findings, f)
		}
	}, func(p storage.Progress) { a.Records, a.Bytes, a.Blobs = p.Records, p.Bytes, p.Blobs })
	if err != nil {
		return a, err
	}
	if a.Orphans, err = o.store.Blobs().Orphans(ctx); err != nil {
		return a, fmt.Errorf("look for files that nothing refers to: %w", err)
	}
	if found > 0 {
		damage := &failure{Code: codeFindings, Message: "The check found damage.", Details: english.Plural(found, "finding", "")}
		a.failure = damage.whole()
	}
	return a, nil
}

func (p *program) checkCommand() *cobra.Command {
	return p.leaf(lesson{
		use: "check", short: "read everything that is stored and report damage",
		long: `Reads every record, index and file that the node keeps, while the node goes on, and reports what is damaged or out of
step. The exit code is 1 if there are findings.

Files that nothing refers to are counted as well. They are no damage: an upload that was broken off leaves one. A node removes
each by itself once it has run for a day, so that nothing has to be done about them.`,
		example: "check\ncheck --json",
	}, func(ctx context.Context, _ []string) error {
		a, err := askStore(ctx, p, check, nothing{})
		if err != nil {
			return err
		}
		if err := p.answer(a, a.people); err != nil {
			return err
		}
		if len(a.Findings) > 0 {
			return unsaid{}
		}
		return nil
	})
}

func (a checked) people(b *bytes.Buffer) {
	read := fmt.Sprintf("%d records (%s) and %d files", a.Records, sizeWord(a.Bytes), a.Blobs)
	defer a.orphans(b)
	if len(a.Findings) == 0 {
		fmt.Fprintf(b, "Read %s: nothing is wrong.\n", read)
		return
	}
	rows := [][]string{}
	for _, f := range a.Findings {
		rows = append(rows, []string{orDash(f.Tenant), orDash(f.Table), orDash(f.Key), f.Problem})
	}
	table(b, "", []string{"TENANT", "TABLE", "KEY", "PROBLEM"}, rows)
	fmt.Fprintf(b, "\nRead %s: %s. Restore a backup from before the damage, or ask for help with this list.\n", read, a.Details)
}

// orphans says what is to be done about files that nothing refers to.
func (a checked) orphans(b *bytes.Buffer) {
	if a.Orphans > 0 {
		fmt.Fprintf(b, "%s that nothing refers to: keep the node running, and it removes them within two days.\n", english.Plural(int(a.Orphans), "file", ""))
	}
}

type versionDocument struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (p *program) versionCommand() *cobra.Command {
	return p.leaf(lesson{use: "version", short: "which deskgate this is", example: "version"}, func(context.Context, []string) error {
		v := thisVersion()
		return p.answer(v, func(b *bytes.Buffer) {
			fmt.Fprintf(b, "deskgate %s %s %s %s\n", v.Version, v.Commit, v.Go, v.Platform)
		})
	})
}

// thisVersion is what the linker was told, or else what the Go tool found out.
func thisVersion() versionDocument {
	v := versionDocument{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if v.Version == "" {
		v.Version = strings.Trim(info.Main.Version, "()")
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Commit = s.Value
		}
	}
	return v
}
