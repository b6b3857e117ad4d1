package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tenant/domain"
)

// renewECH is how long before its end a published key had better be renewed.
const renewECH = 14 * 24 * time.Hour

// examineECH looks whether DNS has the key that the running node takes, or none where it takes none.
func examineECH(ctx context.Context, s *settings) []diagnosis {
	node, err := s.node()
	if err != nil || s.tls == tlsOff {
		return nil // said already, or nobody's concern here
	}
	resolver, err := domain.NewResolver(s.resolvers)
	if err != nil {
		return nil
	}
	conn, err := dialAdmin(ctx, s.data)
	if err != nil {
		return nil // no node runs, or another user's
	}
	c := clientOver(s.data, conn)
	defer c.CloseIdleConnections()
	shown, err := overSocket[nothing, echDocument](ctx, c, echShow.path(), nothing{})
	if err != nil {
		return one(err.Error(), "look at the node's log")
	}
	var found []diagnosis
	for i, host := range node.Hosts() {
		u, err := url.Parse(node.URLFor(host))
		if err != nil || foundWithoutDNS(string(host)) || i >= len(shown.ECH.Records) {
			continue // the running node may have fewer names than these settings
		}
		lists, err := domain.EncryptedHellos(ctx, resolver, echOwner(u))
		if err != nil {
			found = append(found, one(err.Error(), "look at --dns-resolver, or at /etc/resolv.conf")...)
			continue
		}
		until, err := echTaken(ctx, c, lists)
		if err != nil {
			return one(err.Error(), "look at the node's log")
		}
		found = append(found, echFinding(echOwner(u), s.ech, len(lists), until, shown.ECH.Records[i], time.Now())...)
	}
	return found
}

// echTaken asks the running node until when it takes one of the lists of keys; zero: none.
func echTaken(ctx context.Context, c *http.Client, lists [][]byte) (until time.Time, err error) {
	for _, list := range lists {
		judged, err := overSocket[publishedECH, publishedECH](ctx, c, echJudge.path(), publishedECH{ConfigList: list})
		if err != nil {
			return until, err
		}
		if judged.Until.After(until) {
			until = judged.Until
		}
	}
	return until, nil
}

// echFinding judges what DNS has for a name: so many lists of keys, of which the node takes the best one until then.
func echFinding(name string, on bool, lists int, until time.Time, record string, now time.Time) []diagnosis {
	switch {
	case !on && lists > 0:
		return one(fmt.Sprintf("the HTTPS record of %s has a key for encrypted hellos, and the node takes none: it costs each visit a round trip", name),
			"take ech=… out of the record, or run serve with --ech on")
	case !on:
		return nil
	case lists == 0:
		return one(fmt.Sprintf("--ech is on, and DNS has no key for encrypted hellos at %s: browsers go on to show which host they come to", name), "set "+record)
	case until.IsZero():
		return one(fmt.Sprintf("the HTTPS record of %s has a key for encrypted hellos that the node does not take: it costs each visit a round trip", name), "set "+record)
	case until.Sub(now) < renewECH:
		return one(fmt.Sprintf("the key for encrypted hellos in the HTTPS record of %s is taken until %s", name, until.Format(time.DateOnly)), "set "+record)
	}
	return nil
}

// foundWithoutDNS says whether browsers find a host on the machine that they run on.
func foundWithoutDNS(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
