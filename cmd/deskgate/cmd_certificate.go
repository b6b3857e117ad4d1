package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

type oneCertificate struct {
	Certificate *domain.OwnCertificate `json:"certificate"`
}

type broughtCertificate struct {
	Host string `json:"host"`
	// Certificate and Key are what stands in the files: no text, if they are not PEM.
	Certificate []byte `json:"certificate"`
	Key         []byte `json:"key"`
}

var (
	certificateShow   = action[domainName, oneCertificate]{"certificate/show", (*operator).showCertificate}
	certificateSet    = action[broughtCertificate, oneCertificate]{"certificate/set", (*operator).setCertificate}
	certificateRemove = action[domainName, deletion]{"certificate/remove", (*operator).removeCertificate}
)

func (o *operator) showCertificate(ctx context.Context, q domainName) (oneCertificate, error) {
	own, err := o.domains.FindCertificate(ctx, nil, q.Host)
	return oneCertificate{own}, o.aboutCertificate(ctx, q.Host, err)
}

func (o *operator) setCertificate(ctx context.Context, q broughtCertificate) (oneCertificate, error) {
	own, err := o.domains.SetCertificate(ctx, nil, q.Host, q.Certificate, q.Key)
	return oneCertificate{own}, o.aboutCertificate(ctx, q.Host, err)
}

func (o *operator) removeCertificate(ctx context.Context, q domainName) (deletion, error) {
	if err := o.domains.RemoveCertificate(ctx, nil, q.Host); err != nil {
		return deletion{}, o.aboutCertificate(ctx, q.Host, err)
	}
	return deletion{Deleted: true}, nil
}

// aboutCertificate puts an error about a host's own certificate in words.
func (o *operator) aboutCertificate(ctx context.Context, host string, err error) error {
	if errors.Is(err, tenant.ErrNotFound) {
		if _, found := o.domains.Find(ctx, host); found == nil {
			return &failure{
				Code: codeNotFound, Message: "Certificate not found.",
				Details: fmt.Sprintf("nobody brought a certificate for %s; how the node's own one is says deskgate domain show %s", host, host),
			}
		}
	}
	return o.aboutHost(host, err)
}

func (p *program) domainCertificate() *cobra.Command {
	var cert, key string
	var remove bool
	c := p.leaf(lesson{
		use: "certificate HOST", short: "bring a certificate for a host, look at it, or take it back",
		long: `With --cert and --key, puts a certificate of your own in place of the one that the node gets: PEM files with the chain (the
host's own certificate first) and its private key (RSA of 2048 to 4096 bits, or ECDSA). It is served at once, on all nodes of the
store; 14 days before its end, or with a third of its life left, the node gets one by itself and serves that. The key is sealed and
shown to nobody.

HOST is a tenant's domain, a host of the node, or '*.' and a host of the node: that one is then served for all tenants.
--remove takes the certificate back at once; without any flag it is shown.`,
		example: `domain certificate support.acme.example --cert fullchain.pem --key key.pem
domain certificate '*.tickets.example.com' --cert wildcard.pem --key wildcard.key
domain certificate support.acme.example
domain certificate support.acme.example --remove`,
	}, func(ctx context.Context, args []string) error {
		switch {
		case remove && cert == "" && key == "":
			return p.takeCertificateBack(ctx, args[0])
		case remove || (cert == "") != (key == ""):
			return &usageError{"deskgate domain certificate", "domain certificate takes --cert FILE with --key FILE, or --remove, or neither"}
		case cert == "":
			a, err := ask(ctx, p, certificateShow, domainName{Host: args[0]})
			if err != nil {
				return err
			}
			return p.answer(a, a.people)
		}
		return p.bringCertificate(ctx, args[0], cert, key)
	})
	c.Flags().StringVar(&cert, "cert", "", "`FILE` with the chain in PEM, the host's own certificate first")
	c.Flags().StringVar(&key, "key", "", "`FILE` with its private key in PEM; - is stdin")
	c.Flags().BoolVar(&remove, "remove", false, "take the certificate back")
	return c
}

func (p *program) bringCertificate(ctx context.Context, host, cert, key string) error {
	q := broughtCertificate{Host: host}
	for _, from := range []struct {
		file string
		to   *[]byte
	}{{cert, &q.Certificate}, {key, &q.Key}} {
		text, err := p.readSecret(from.file)
		if err != nil {
			return err
		}
		*from.to = []byte(text)
	}
	a, err := ask(ctx, p, certificateSet, q)
	if err != nil {
		return err
	}
	return p.answer(a, a.people)
}

func (p *program) takeCertificateBack(ctx context.Context, host string) error {
	a, err := ask(ctx, p, certificateRemove, domainName{Host: host})
	if err != nil {
		return err
	}
	return p.answer(a, func(b *bytes.Buffer) { fmt.Fprintf(b, "The node gets the certificate of %s by itself again.\n", host) })
}

// people tells what it is, and until when.
func (a oneCertificate) people(b *bytes.Buffer) {
	c := a.Certificate
	pairs(b, "host", c.Host, "names", strings.Join(c.Names, ", "), "issuer", c.Issuer, "sha-256", c.Fingerprint,
		"valid", c.NotBefore.Format(time.DateTime)+" to "+c.NotAfter.Format(time.DateTime)+" UTC",
		"uploaded", c.UploadedAt.Format(time.DateTime)+" UTC", "warning", c.Warning)
}
