package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/proxy/ech"
)

// echDocument is what has to be in DNS for browsers to encrypt which host they come to.
type echDocument struct {
	ECH struct {
		PublicName string    `json:"public_name"`
		ConfigList string    `json:"config_list"`
		Until      time.Time `json:"until"`
		Records    []string  `json:"records"` // as zone files have them
	} `json:"ech"`
}

var echShow = action[nothing, echDocument]{"ech/show", (*operator).showECH}

func (o *operator) showECH(context.Context, nothing) (d echDocument, err error) {
	keys, err := ech.New(o.store, string(o.names.Hosts()[0]))
	if err != nil {
		return d, err
	}
	list, until, err := keys.List()
	if err != nil {
		return d, err
	}
	d.ECH.PublicName, d.ECH.ConfigList, d.ECH.Until = keys.Public(), base64.StdEncoding.EncodeToString(list), until
	for _, host := range o.names.Hosts() {
		u, err := url.Parse(o.names.URLFor(host))
		if err != nil {
			return d, err
		}
		d.ECH.Records = append(d.ECH.Records, fmt.Sprintf(`%s. 3600 IN HTTPS 1 . alpn="h2" ech="%s"`, echOwner(u), d.ECH.ConfigList))
	}
	return d, nil
}

// publishedECH is a list of keys in DNS, and until when the node takes it; zero: it does not.
type publishedECH struct {
	ConfigList []byte    `json:"config_list"`
	Until      time.Time `json:"until"`
}

var echJudge = action[publishedECH, publishedECH]{"ech/judge", (*operator).judgeECH}

func (o *operator) judgeECH(_ context.Context, q publishedECH) (publishedECH, error) {
	keys, err := ech.New(o.store, string(o.names.Hosts()[0]))
	if err != nil {
		return q, err
	}
	q.Until, _ = keys.Taken(q.ConfigList)
	return q, nil
}

// echOwner is the name at which browsers look for the HTTPS record of a URL.
func echOwner(u *url.URL) string {
	if port := u.Port(); port != "" && port != "443" {
		return "_" + port + "._https." + u.Hostname() // RFC 9460, 9.1
	}
	return u.Hostname()
}

func (p *program) echCommand() *cobra.Command {
	return p.leaf(lesson{
		use: "ech", short: "print the DNS record with which browsers encrypt the host they come to",
		long: `Prints the HTTPS record for each name of a node that runs with --ech on. Browsers that find it encrypt the name of the host in
their first message (Encrypted Client Hello): whoever watches the network sees the name of the node alone. All names that are a
CNAME to the node's have it with it; one with addresses of its own, such as a domain at an apex, needs a record with the same value.

The key in it is good for a quarter of a year at least; the date is printed. Browsers with a key that is too old are told the present
one, and come again with it: that costs each visit a round trip, until the record is renewed.`,
		example: "ech\nech --json",
	}, func(ctx context.Context, _ []string) error {
		d, err := ask(ctx, p, echShow, nothing{})
		if err != nil {
			return err
		}
		return p.answer(d, func(b *bytes.Buffer) {
			fmt.Fprintf(b, "; good until %s\n", d.ECH.Until.Format(time.DateOnly))
			for _, r := range d.ECH.Records {
				fmt.Fprintln(b, r)
			}
		})
	})
}
