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

	rowsAtOnce = 8000
	sortable   = 4000
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
	const transactions = 4
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

// total counts the list's tickets, in as many transactions as that takes but no more than so many.
func (d *Desk) total(ctx context.Context, tn *tenant.Tenant, f *filter, s source) (n int, capped bool, err error) {
	const transactions = 25
	var from *place
	for range transactions {
		err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
			from, err = f.walk(tx, s, from, func(c *candidate) (bool, error) {
				if !f.certain(c) {
					t, err := f.confirm(tx, c)
					if t == nil || err != nil {
						return err == nil, err
					}
				}
				if n == MaxTotal {
					return false, nil
				}
				n++
				return true, nil
			})
			return err
		})
		if err != nil || from == nil || n == MaxTotal {
			return n, from != nil, err
		}
	}
	return n, true, nil
}

// walk visits the candidates that fit, in the order of the list and after a place, until visit says that it wants no more or
// so many rows were read that another transaction has to go on. It returns the last place before that; nil is the end of
// the list.
func (f *filter) walk(tx *storage.Tx, s source, from *place, visit func(*candidate) (bool, error)) (*place, error) {
	read, last := 0, from
	for c, err := range s.candidates(tx, f, from) {
		if err != nil {
			return nil, err
		}
		p := f.place(c.id, c.updated)
		if !c.mark && f.fits(&c) {
			if on, err := visit(&c); !on || err != nil {
				return last, err
			}
		}
		last = &p
		if read += c.cost; read > f.reach.rows {
			return last, nil
		}
	}
	return nil, nil //nolint:nilnil // the end of the list is no place
}

// confirm reads the candidate's ticket; nil: it is not wanted.
func (f *filter) confirm(tx *storage.Tx, c *candidate) (*Ticket, error) {
	key := newest(nil, c.id)
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
	if !f.worded() || c.found && len(f.notTerms) == 0 && !f.notFiles {
		return c.ticket, nil
	}
	c.cost++
	d, err := documentTable.Get(tx, key)
	if err != nil || !f.reads(&d) {
		return nil, err
	}
	return c.ticket, nil
}

// choose finds the source that has the fewest tickets to look at for the filter, in the order of its list.
func (d *Desk) choose(ctx context.Context, tn *tenant.Tenant, f *filter) (source, error) {
	options := f.options()
	s := options[0]
	if len(options) > 1 {
		err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) (err error) {
			s, err = f.fewest(tx, options)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if s.inOrder(f.sort) {
		return s, nil
	}
	all, complete, err := d.gather(ctx, tn, f, s)
	switch {
	case err != nil:
		return nil, err
	case complete:
		slices.SortFunc(all, func(a, b candidate) int { return f.compare(f.place(a.id, a.updated), f.place(b.id, b.updated)) })
		return pile(all), nil
	}
	return f.everything(), nil
}

// gather reads what fits of a source in another order than the list's. It gives up on more than can be sorted, but for the
// tickets of one owner: those are not to be looked for among everybody's.
func (d *Desk) gather(ctx context.Context, tn *tenant.Tenant, f *filter, s source) (all []candidate, complete bool, err error) {
	own := *f
	own.sort = s.order()
	var from *place
	for first := true; first || f.owner != ""; first = false {
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
				return f.owner != "" || len(all) <= f.reach.sortable, nil
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
