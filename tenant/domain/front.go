package domain

import (
	"slices"
	"strings"
)

// front is a service that stands before other people's servers, and how it gives itself away.
type front struct {
	name     string
	suffixes []string // of names that its customers' hosts are aliases of
	server   string   // what its Server header begins with
	headers  []string // that nobody else sends
}

// fronts are those that are met most. One that is missing here is found out about all the same, only not by name.
func fronts() []front {
	return []front{
		{"Cloudflare", []string{"cdn.cloudflare.net"}, "cloudflare", []string{"Cf-Ray"}},
		{"Amazon CloudFront", []string{"cloudfront.net"}, "CloudFront", []string{"X-Amz-Cf-Id"}},
		{"Fastly", []string{"fastly.net", "fastlylb.net"}, "", []string{"X-Fastly-Request-Id"}},
		{"Akamai", []string{"edgekey.net", "edgesuite.net", "akamaiedge.net", "akamaized.net"}, "AkamaiGHost", []string{"X-Akamai-Request-Id", "Akamai-Grn"}},
		{"Azure Front Door", []string{"azurefd.net", "azureedge.net"}, "", []string{"X-Azure-Ref"}},
		{"bunny.net", []string{"b-cdn.net"}, "BunnyCDN", []string{"Cdn-Requestid"}},
		{"Imperva", []string{"incapdns.net", "impervadns.net"}, "", []string{"X-Iinfo"}},
		{"Sucuri", []string{"sucuri.net"}, "Sucuri", []string{"X-Sucuri-Id"}},
		{"KeyCDN", []string{"kxcdn.com"}, "keycdn", nil},
	}
}

// frontOf names the service that an answer's headers, or a host's aliases, tell of; empty: none that is known.
func frontOf(header func(string) string, aliases []string) string {
	for _, f := range fronts() {
		switch {
		case slices.ContainsFunc(aliases, func(a string) bool {
			return slices.ContainsFunc(f.suffixes, func(s string) bool { return strings.HasSuffix(a, "."+s) })
		}), slices.ContainsFunc(f.headers, func(h string) bool { return header(h) != "" }):
			return f.name
		case f.server != "" && strings.HasPrefix(strings.ToLower(header("Server")), strings.ToLower(f.server)):
			return f.name
		}
	}
	// Fastly's mark is Varnish's, but for how it names its machines.
	if strings.HasPrefix(header("X-Served-By"), "cache-") {
		return "Fastly"
	}
	return ""
}
