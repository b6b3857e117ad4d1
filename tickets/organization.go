package tickets

import (
	"context"
	"errors"
	"slices"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Organization is the organization whose tickets the actor may read beside their own; empty: none. It is asked for anew each time,
// so that whoever leaves an organization reads nothing of it from then on.
func (d *Desk) Organization(ctx context.Context, tn *tenant.Tenant, a Actor) (name string, err error) {
	if !a.hasColleagues(tn) {
		return "", nil
	}
	err = d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		name, err = d.organizationOf(tx, a.person.ID)
		return err
	})
	return name, err
}

// hasColleagues says whether there may be others whose tickets the actor reads: the tenant wants it so, and we are sure of who asks.
func (a Actor) hasColleagues(tn *tenant.Tenant) bool {
	return a.owns() && tn.Settings.CompanyView == tenant.On
}

// organizationOf is what the tenant says that a user belongs to.
func (d *Desk) organizationOf(tx *storage.Tx, user string) (string, error) {
	if d.organizations == nil || user == "" {
		return "", nil
	}
	return d.organizations(tx, user)
}

// enrol gives the ticket to the organization that its requester belongs to now.
func (d *Desk) enrol(tx *storage.Tx, t *Ticket) (err error) {
	t.Organization = ""
	if t.Requester != nil {
		t.Organization, err = d.organizationOf(tx, t.Requester.ID)
	}
	return err
}

// findToRead is find for those who only read: it also returns the ticket of a colleague.
func (d *Desk) findToRead(tx *storage.Tx, tn *tenant.Tenant, a Actor, r Ref, deleted bool) (Ticket, error) {
	t, err := find(tx, a, r, deleted)
	if !errors.Is(err, ErrNotFound) || !a.hasColleagues(tn) {
		return t, err
	}
	name, err := d.organizationOf(tx, a.person.ID)
	if err != nil || name == "" {
		return Ticket{}, orNotFound(err)
	}
	t, err = load(tx, r)
	if err != nil || t.readers() != company(name) {
		return Ticket{}, orNotFound(err)
	}
	return t, nil
}

// findToChange is find for those who change something: a colleague's ticket is there for them, but not to be changed.
func (d *Desk) findToChange(tx *storage.Tx, tn *tenant.Tenant, a Actor, r Ref) (Ticket, error) {
	t, err := find(tx, a, r, false)
	if !errors.Is(err, ErrNotFound) {
		return t, err
	}
	if _, readErr := d.findToRead(tx, tn, a, r, false); readErr != nil {
		return t, readErr
	}
	return t, ErrColleagues
}

func orNotFound(err error) error {
	if err == nil || errors.Is(err, storage.ErrNotFound) {
		return ErrNotFound
	}
	return err
}

// company is what an organization's list begins with. It can't be mixed up with a person's: see owner.
func company(name string) string { return "organization:" + name }

// company is whose list has the ticket beside its requester's; empty: nobody's. A stub is in none, for it leads on to a ticket that is.
func (t *Ticket) company() string {
	if !t.ownersToo() {
		return ""
	}
	return t.readers()
}

// readers is whose members may read the ticket beside its requester; empty: nobody's. What nobody has proven to be theirs is read by none,
// and neither is what was put away as spam, or is gone.
func (t *Ticket) readers() string {
	s := t.shelf()
	if t.Organization == "" || t.Requester == nil || t.Requester.ID == "" || t.Purging || s != inLists && s != asMerged {
		return ""
	}
	return company(t.Organization)
}

// ReadBy is the organization whose members may read the ticket beside its requester; empty: nobody may.
func (t *Ticket) ReadBy(tn *tenant.Tenant) string {
	if tn.Settings.CompanyView != tenant.On || t.readers() == "" {
		return ""
	}
	return t.Organization
}

// foreign says whether the ticket is not the requester's own who reads it: what is said between them and staff alone is not shown.
func (t *Ticket) foreign(a Actor) bool { return !a.Staff() && t.owner() != a.owner() }

// OwnedBy says whether the actor is the ticket's requester.
func (t *Ticket) OwnedBy(a Actor) bool { return a.owner() != "" && t.owner() == a.owner() }

// shown are the ticket's own words that colleagues may read, and so may find it by.
func (t *Ticket) shown() []string {
	l := newLexicon(nil)
	if t.Requester != nil {
		l.read(t.Requester.Name)
	}
	l.read(t.Title)
	l.read(t.Description)
	return l.words
}

// byName is what colleagues know of a person.
func byName(p *Person) *Person {
	if p == nil {
		return nil
	}
	return &Person{Name: p.Name}
}

// discreet takes out of comments what a colleague is not told.
func discreet(a Actor, all []Comment) {
	for i := range all {
		if c := &all[i]; c.Author.ID == "" || c.Author.ID != a.person.ID {
			c.Author.Email = ""
		}
	}
}

// organization is which ones a search means: by the whole name, or by words of it. The zero organization is any, or none.
type organization struct {
	whole string // folded; empty: any
	words terms
}

func (o organization) any() bool { return o.whole == "" && len(o.words) == 0 }

// is says whether the name is meant.
func (o organization) is(name string) bool {
	if o.whole != "" && fold(name) != o.whole {
		return false
	}
	if len(o.words) == 0 {
		return true
	}
	l := newLexicon(nil)
	l.read(name)
	return o.words.within(l.words)
}

// terms are the words that its tickets have.
func (o organization) terms() terms {
	all := slices.Clone(o.words)
	for w := range wordsOf(o.whole) {
		if len(all) < maxTerms {
			all = append(all, term{word: w})
		}
	}
	return all
}
