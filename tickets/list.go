package tickets

import (
	"context"
	"errors"
	"slices"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Page is a part of a list.
type Page struct {
	Tickets []Ticket
	// HasMore says that the list goes on behind Next. A page may then be shorter than its limit, even empty: so many tickets were
	// looked at that the rest is left for the next call.
	HasMore bool
	Next    string
	// Total is how many tickets the whole list has, if that was asked for. TotalCapped: there may be more, for the counting
	// ended at MaxTotal or after so many tickets that were looked at.
	Total       int
	TotalCapped bool
	// Problems are what the query names and the tenant does not have.
	Problems []Problem
}

const (
	// MaxTotal is how far Page.Total counts.
	MaxTotal = 1000

	rowsAtOnce = 5000
	sortable   = 4000
	// sparse is how many tickets with the words of a search are few, so that they are sorted by their last change.
	sparse = 400
	// maxCounted is how many rows are looked at for a total. It bounds what a total costs, whatever it is of.
	maxCounted = 5000
)

// reach is how far lists go at once.
type reach struct {
	rows     int // that one transaction of a list looks at, well below what the store allows
	sortable int // tickets of an index in another order that are sorted in memory
}

// List returns one page of the tickets that the actor sees. A *QueryError or ErrBadCursor says what is wrong with q.
func (d *Desk) List(ctx context.Context, tn *tenant.Tenant, a Actor, q Query) (Page, error) {
	if err := q.check(a); err != nil {
		return Page{}, err
	}
	who, err := d.resolve(ctx, tn, a, &q)
	if err != nil {
		return Page{}, err
	}
	f := q.filter(a, who, d.reach)
	from, err := openCursor(q.Cursor, f.name)
	if err != nil {
		return Page{}, err
	}
	if f.nothing {
		return Page{Tickets: []Ticket{}, Problems: who.problems}, nil
	}
	s, err := d.choose(ctx, tn, f)
	if err != nil {
		return Page{}, err
	}
	page, err := d.page(ctx, tn, a, f, s, from, clampLimit(q.Limit))
	page.Problems = who.problems
	if err == nil && q.IncludesTotal {
		page.Total, page.TotalCapped, err = d.total(ctx, tn, f, s)
	}
	return page, err
}

// page reads one page from the source, in one transaction if it can, in no more than so many if few of the candidates are
// wanted.
func (d *Desk) page(
	ctx context.Context, tn *tenant.Tenant, a Actor, f *filter, s source, from *place, limit int,
) (Page, error) {
	const transactions = 2
	page := Page{Tickets: make([]Ticket, 0, limit)}
	for range transactions {
		err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
			from, err = f.walk(tx, s, from, func(c *candidate) (bool, error) {
				t, err := f.confirm(tx, c)
				if t == nil || err != nil {
					return err == nil, err
				}
				if len(page.Tickets) == limit {
					return false, nil
				}
				page.Tickets = append(page.Tickets, t.shownTo(a))
				return true, nil
			})
			return err
		})
		if err != nil {
			return Page{}, err
		}
		if from == nil || len(page.Tickets) == limit {
			break
		}
	}
	if from != nil {
		page.HasMore, page.Next = true, from.seal(f.name)
	}
	return page, nil
}

// total counts the list's tickets, in as many transactions as that takes but not beyond so many rows.
func (d *Desk) total(ctx context.Context, tn *tenant.Tenant, f *filter, s source) (n int, capped bool, err error) {
	var from *place
	for read := 0; read < maxCounted; read += f.reach.rows {
		err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
			from, err = f.count(tx, s, from, MaxTotal, &n)
			return err
		})
		if err != nil || from == nil || n == MaxTotal {
			return n, from != nil, err
		}
	}
	return n, true, nil
}

// count adds the tickets behind a place to n, which it lets grow to most, and says where it ended; nil: at the end.
func (f *filter) count(tx *storage.Tx, s source, from *place, most int, n *int) (*place, error) {
	return f.walk(tx, s, from, func(c *candidate) (bool, error) {
		if !f.certain(c) {
			t, err := f.confirm(tx, c)
			if t == nil || err != nil {
				return err == nil, err
			}
		}
		if *n == most {
			return false, nil
		}
		*n++
		return true, nil
	})
}

// walk visits the candidates that fit, in the order of the list and after a place, until visit says that it wants no more or
// so many rows were read that another transaction has to go on. It returns the last place before that; nil is the end of
// the list.
func (f *filter) walk(tx *storage.Tx, s source, from *place, visit func(*candidate) (bool, error)) (*place, error) {
	read, last, some := 0, place{}, from != nil
	if some {
		last = *from
	}
	left := func() *place {
		if f.spent += read; !some {
			return nil
		}
		return &last
	}
	for c, err := range s.candidates(tx, f, from) {
		if err != nil {
			return nil, err
		}
		if !c.mark && f.fits(&c) {
			if on, err := visit(&c); !on || err != nil {
				return left(), err
			}
		}
		last, some = f.place(c.id, c.updated), true
		if read += c.cost; read > f.reach.rows {
			return left(), nil
		}
	}
	f.spent += read
	return nil, nil //nolint:nilnil // the end of the list is no place
}

// confirm reads the candidate's ticket; nil: it is not wanted.
func (f *filter) confirm(tx *storage.Tx, c *candidate) (*Ticket, error) {
	key := newest(nil, c.id)
	if f.staff && !c.found && f.sought() {
		c.cost++
		if has, err := f.posted(tx, key); !has || err != nil {
			return nil, err
		}
	}
	if c.ticket == nil {
		c.cost++
		t, err := ticketTable.Get(tx, key)
		if errors.Is(err, storage.ErrNotFound) {
			return nil, nil //nolint:nilnil // a candidate may be gone since it was gathered: then it is not wanted
		}
		if err != nil {
			return nil, err
		}
		c.ticket = &t
	}
	if !f.takes(c.ticket) {
		return nil, nil //nolint:nilnil // as above
	}
	if !f.worded() || c.found && len(f.notTerms) == 0 && !f.notFiles && !f.company {
		return c.ticket, nil
	}
	c.cost++
	d, err := documentTable.Get(tx, key)
	if f.company {
		d.Head = c.ticket.shown()
	}
	if err != nil || !f.reads(&d) {
		return nil, err
	}
	return c.ticket, nil
}

// choose finds the source that has the filter's tickets in the order of its list. Where no index has them so, those of another
// order are sorted, unless they are many: then it is soon enough to look for them one by one.
func (d *Desk) choose(ctx context.Context, tn *tenant.Tenant, f *filter) (source, error) {
	own := *f
	var s source
	home, found := f.home()
	switch {
	case f.staff && f.shelf != asDeleted && (f.number != 0 || f.external != ""):
		return single{}, nil
	case found && !f.byCreation():
		return home, nil
	case f.company:
		return &meet{groups: [][]lane{{birthLane(byCompanyBirth, storage.Key(nil).Str(f.owner))}}}, nil
	case found:
		own.sort, s = UpdatedDesc, home
	case !f.overdue.IsZero():
		own.sort, s = "", late{}
	case f.byCreation() && (f.rarePriority() || len(f.ratings) > 0):
		own.sort, s = UpdatedDesc, own.changes()
	case f.byCreation() || !f.sought():
		return f.everything(), nil
	default:
		own.sort = CreatedDesc
		s = own.births()
	}
	if !found && f.overdue.IsZero() {
		own.reach.sortable = min(own.reach.sortable, sparse)
		if few, err := d.few(ctx, tn, &own, s); !few || err != nil {
			return f.everything(), err
		}
	}
	all, complete, err := d.gather(ctx, tn, &own, s)
	switch {
	case err != nil:
		return nil, err
	case complete:
		slices.SortFunc(all, func(a, b candidate) int { return f.compare(f.place(a.id, a.updated), f.place(b.id, b.updated)) })
		return pile(all), nil
	}
	return f.everything(), nil
}

// few says whether the source has no more than can be sorted.
func (d *Desk) few(ctx context.Context, tn *tenant.Tenant, f *filter, s source) (few bool, err error) {
	err = d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		few = true
		n, read := 0, 0
		for c, err := range s.candidates(tx, f, nil) {
			if err != nil {
				return err
			}
			if read += c.cost; !c.mark {
				n++
			}
			if few = n <= f.reach.sortable && read <= f.reach.rows; !few {
				return nil
			}
		}
		return nil
	})
	return few, err
}

// gather reads what fits of a source in another order than the list's. It gives up on more than can be sorted, but for the
// tickets of one owner: those are not to be looked for among everybody's.
func (d *Desk) gather(ctx context.Context, tn *tenant.Tenant, own *filter, s source) (all []candidate, complete bool, err error) {
	var from *place
	for first := true; first || own.owner != ""; first = false {
		err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
			end, err := own.walk(tx, s, from, func(c *candidate) (bool, error) {
				if c.row == nil {
					t, err := own.confirm(tx, c)
					if t == nil || err != nil {
						return err == nil, err
					}
					c.updated, c.found, c.ticket = t.UpdatedAt, true, nil // the ticket itself would be too much to hold
				}
				all = append(all, *c)
				return own.owner != "" || len(all) <= own.reach.sortable, nil
			})
			from, complete = end, end == nil
			return err
		})
		if err != nil || complete {
			return all, complete, err
		}
	}
	return nil, false, nil
}
