package tenant

import (
	"slices"
	"strings"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/erasure"
)

// Forgets is what the tables of this package do about somebody who is to be forgotten.
func Forgets() []erasure.Answer {
	return []erasure.Answer{
		erasure.Each(auditTable, aboutEvent, func(_ *storage.Tx, p *erasure.Person, e *Event) (erasure.Verdict, error) {
			e.forget(p)
			return erasure.Put, nil
		}),
		erasure.Never(tenantTable, "the operator's customer"),
		erasure.Never(bindingTable, "names of hosts"),
		erasure.Never(setupTable, "names of hosts"),
		erasure.Never(keyTable, "the tenant's own"),
		erasure.Never(logoTable, "the tenant's own"),
	}
}

// aboutEvent says whether there is still something of the person in an event.
func aboutEvent(p *erasure.Person, e *Event) bool {
	after := *e
	after.forget(p)
	return after != *e
}

// forget leaves of an event what happened, and when.
func (e *Event) forget(p *erasure.Person) {
	own := e.Actor == "requester:"+p.ID || slices.ContainsFunc(p.Lineages, func(lineage string) bool { return strings.HasSuffix(e.Actor, ":"+lineage) })
	if object := p.Clean(e.Object); own || object != e.Object {
		e.IP, e.Detail, e.Object = "", p.Anonymous(e.Detail), object
		if e.Object != p.ID {
			e.Object = p.Anonymous(e.Object)
		}
	}
	e.Actor, e.Detail = p.Clean(e.Actor), p.Clean(e.Detail)
}

// RecordErasure writes into the audit log that somebody is being forgotten or, if the erasure is finished, is forgotten.
func RecordErasure(tx *storage.Tx, e erasure.Erasure) error {
	action := "user.erasing"
	if e.Finished() {
		action = "user.erased"
	}
	return Record(tx, Event{Actor: e.By, Action: action, Object: e.ID})
}
