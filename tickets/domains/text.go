package domains

import (
	"strings"

	"github.com/deskgate/deskgate/tenant/domain"
)

// code is text that stands in a message as it is, whoever wrote it.
func code(s string) string {
	s = strings.Join(strings.Fields(strings.ReplaceAll(s, "`", "'")), " ")
	if s == "" {
		return `""`
	}
	return "`" + s + "`"
}

// short is a host name that leaves room beside it in a title.
func short(host string) string {
	const longest = 120
	if r := []rune(host); len(r) > longest {
		return "…" + string(r[len(r)-longest:])
	}
	return host
}

func paragraphs(all ...string) string { return strings.Join(all, "\n\n") }

// title is that of a ticket that an event opens.
func (b *book) title(e *domain.Event) string {
	host := short(e.Is.Host.Unicode())
	switch e.Type {
	case domain.EventSuspended:
		return b.T("%s is suspended", host)
	case domain.EventCertificateExpired:
		return b.T("%s: the certificate has expired", host)
	case domain.EventCertificateFailed:
		return b.T("%s: no certificate can be had", host)
	default:
		return b.T("%s: its DNS records are gone", host)
	}
}

// trouble is what an event says of a host that is in trouble.
func (b *book) trouble(e *domain.Event) string {
	host := code(string(e.Is.Host))
	switch e.Type {
	case domain.EventSuspended:
		return paragraphs(
			b.T("%s is suspended: DNS does not show that it is yours, and nothing of yours is served there any more.", host),
			b.found(e), b.records(e), b.help(e),
		)
	case domain.EventCertificateExpired:
		return paragraphs(
			b.T("The certificate of %s has expired, at %s, and no new one could be had: browsers warn your visitors.", host, b.Time(e.Is.Certificate.NotAfter)),
			b.found(e), b.help(e),
		)
	case domain.EventCertificateFailed:
		return paragraphs(b.failing(e, host), b.found(e), b.help(e))
	default:
		return paragraphs(
			b.T("DNS no longer shows that %s is yours.", host), b.found(e), b.records(e),
			b.T("Visitors are still served until %s, and not after that.", b.Time(e.ServesUntil)), b.help(e),
		)
	}
}

func (b *book) failing(e *domain.Event, host string) string {
	c := &e.Is.Certificate
	if c.NotAfter.IsZero() {
		return b.T("No certificate could be had for %s since %s: visitors who come by https see an error.", host, b.Time(c.TroubledSince))
	}
	return b.T("The certificate of %s could not be renewed since %s. Visitors notice nothing until it ends, at %s.", host, b.Time(c.TroubledSince), b.Time(c.NotAfter))
}

// found is what was seen.
func (b *book) found(e *domain.Event) string {
	lines := []string{b.T("What was found:"), ""}
	for _, s := range e.Reason() {
		said := domain.Sentence{Form: s.Form}
		for _, arg := range s.Args {
			said.Args = append(said.Args, code(arg))
		}
		lines = append(lines, "- "+domain.Reason{said}.In(b.T))
	}
	return strings.Join(lines, "\n")
}

// records are what has to stand in DNS, to be copied.
func (b *book) records(e *domain.Event) string {
	lines := []string{b.T("What has to stand in DNS:"), "", "```"}
	for _, r := range e.Records {
		lines = append(lines, r.Type+"  "+r.Name+"  "+r.Value)
	}
	return strings.Join(append(lines, "```"), "\n")
}

// help says where to go.
func (b *book) help(e *domain.Event) string {
	return paragraphs(
		b.T("The node goes on looking by itself, and says here when all is well again."),
		b.T("All about the domain: %s. There admins have a button to look at once; agents see what is missing.", "<"+b.config.Page(b.tn, e.Is.Host)+">"),
	)
}

// relief is what an event says of a host that is out of trouble.
func (b *book) relief(e *domain.Event) string {
	host := code(string(e.Is.Host))
	switch e.Type {
	case domain.EventRemoved:
		return b.T("%s was removed.", host)
	case domain.EventSuspended: // of its certificate
		return b.T("%s is suspended, so that no certificate is asked for any more.", host)
	case domain.EventCertificateActive:
		return b.T("%s has a certificate again, until %s.", host, b.Time(e.Is.Certificate.NotAfter))
	default:
		return b.T("DNS shows again that %s is yours.", host)
	}
}

// pauses is what is said with the last word for some time.
func (b *book) pauses(last bool) string {
	if !last {
		return ""
	}
	return "\n\n" + b.T("This comes and goes. From now on the ticket stays open, and says more only when nothing has changed for four hours.")
}

// crowd is what the ticket for many says.
func (b *book) crowd() string {
	lines := []string{
		b.T("Other domains are in trouble as well: their DNS records are gone, or no certificate can be had."), "",
		b.T("There are %d of them that have no ticket of their own, so that this desk is not flooded. Some of them:", b.many.Count), "",
	}
	for _, h := range b.many.Hosts {
		lines = append(lines, "- "+code(string(h)))
	}
	return strings.Join(append(lines, "", b.T("All domains: %s", "<"+b.config.Page(b.tn, "")+">")), "\n")
}

// stays is what is said where a person has the ticket.
func (b *book) stays() string {
	return b.T("Somebody has begun to work on this ticket, so it stays open.")
}
