package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/proxy/ca"
)

// rootDocument is a root certificate of the node's own CA.
type rootDocument struct {
	Subject     string    `json:"subject"`
	State       ca.State  `json:"state"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	SignsFrom   time.Time `json:"signs_from"`
	Fingerprint string    `json:"fingerprint"`
	// Automatic says that nobody asked for it: its predecessor will end.
	Automatic   bool   `json:"automatic"`
	Certificate string `json:"certificate"`
}

type manyRoots struct {
	CA    presentRoot    `json:"ca"`
	Roots []rootDocument `json:"roots"`
}

// presentRoot is the one that signs, for programs that want to know no more.
type presentRoot struct {
	Certificate string `json:"certificate"`
}

type rotation struct {
	After time.Duration `json:"after"` // 0: at once
}

var (
	caShow   = action[nothing, manyRoots]{"ca/show", (*operator).showRoots}
	caRotate = action[rotation, manyRoots]{"ca/rotate", (*operator).rotateRoot}
)

func (o *operator) showRoots(ctx context.Context, _ nothing) (manyRoots, error) {
	roots, err := ca.New(o.store).Roots(ctx)
	return rootDocuments(roots), err
}

func (o *operator) rotateRoot(ctx context.Context, q rotation) (manyRoots, error) {
	roots, err := ca.New(o.store).Rotate(ctx, q.After)
	if errors.Is(err, ca.ErrTooLate) {
		err = &failure{Code: codeInvalid, Message: "The CA can't be rotated so late.", Details: err.Error()}
	}
	return rootDocuments(roots), err
}

func rootDocuments(roots []ca.Root) manyRoots {
	all := manyRoots{Roots: []rootDocument{}}
	for _, r := range roots {
		if r.State == ca.Present {
			all.CA.Certificate = string(r.PEM)
		}
		all.Roots = append(all.Roots, rootDocument{
			Subject: r.Subject, State: r.State, NotBefore: r.NotBefore.UTC(), NotAfter: r.NotAfter.UTC(), SignsFrom: r.Signs.UTC(),
			Fingerprint: r.Fingerprint, Automatic: r.Itself, Certificate: string(r.PEM),
		})
	}
	return all
}

func (p *program) caCommand() *cobra.Command {
	c := p.leaf(lesson{
		use: "ca", short: "print the root certificate of the node's own CA (PEM), or rotate it",
		long: `Prints the root certificate that a node with --tls internal signs with. Whoever is to trust this node's names imports
it; programs take it as a file. While the root is being rotated, the present one and the coming one are printed.

With --json, all roots that are still valid are listed: the one that signs (present), the next one (coming), and those that
signed before (former).`,
		example: "ca > deskgate-ca.pem\nca | sudo tee /usr/local/share/ca-certificates/deskgate.crt\nca --json\nca rotate",
	}, func(ctx context.Context, _ []string) error {
		a, err := askStore(ctx, p, caShow, nothing{})
		if err != nil {
			return err
		}
		return p.answer(a, func(b *bytes.Buffer) {
			for _, r := range a.Roots {
				if r.State != ca.Former {
					b.WriteString(r.Certificate)
				}
			}
		})
	})
	c.AddCommand(p.caRotateCommand())
	return c
}

func (p *program) caRotateCommand() *cobra.Command {
	const overlap = "30d"
	var after string
	var now bool
	c := p.leaf(lesson{
		use: "rotate", short: "announce a new root of the node's own CA",
		long: `Makes a new root for a node with --tls internal. It signs when the time of --after has passed (30d); until then 'deskgate ca'
prints the present root and the new one, and both are to be installed on all clients. From then on all hosts get certificates under
the new one. The present root has certified the new one: clients that have missed it get along until the present root's end.

Where a new root is announced already, that one's time is set anew, and with --now it signs at once. The key of the root that
signs no more is deleted. When a root comes to its end, the node does all this by itself, two years ahead.`,
		example: "ca rotate\nca rotate --after 60d\nca rotate --now",
	}, func(ctx context.Context, _ []string) error {
		q := rotation{}
		var err error
		switch {
		case now && after != overlap:
			return &usageError{"deskgate ca rotate", "ca rotate takes --after or --now, not both"}
		case !now:
			if q.After, err = duration(after); err != nil {
				return &usageError{"deskgate ca rotate", "--after: " + err.Error()}
			}
		}
		a, err := askStore(ctx, p, caRotate, q)
		if err != nil {
			return err
		}
		return p.answer(a, a.people)
	})
	c.Flags().StringVar(&after, "after", overlap, "the new root signs after this `TIME`, like 720h or 30d")
	c.Flags().BoolVar(&now, "now", false, "the new root signs at once")
	return c
}

// people tells which roots there are, and what clients need.
func (a manyRoots) people(b *bytes.Buffer) {
	rows, coming := [][]string{}, ""
	for _, r := range a.Roots {
		rows = append(rows, []string{r.Subject, string(r.State), r.SignsFrom.Format(time.DateTime), r.NotAfter.Format(time.DateTime), r.Fingerprint})
		if r.State == ca.Coming {
			coming = r.SignsFrom.Format(time.DateTime)
		}
	}
	table(b, "", []string{"ROOT", "STATE", "SIGNS FROM (UTC)", "VALID UNTIL", "SHA-256"}, rows)
	if coming != "" {
		fmt.Fprintf(b, "\nUntil %s UTC, install both roots on all clients: deskgate ca > deskgate-ca.pem\n", coming)
		return
	}
	fmt.Fprintf(b, "\nAll hosts get certificates under the new root now. Install it on all clients: deskgate ca > deskgate-ca.pem\n")
}
