package tickets

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/erasure"
	"github.com/deskgate/deskgate/tickets/file"
)

// Forgets is what the tables of this package do about a requester who is to be forgotten. Of their tickets the number stays, with the
// status, the times, and who of the team wrote when: no words, for those of others are about them or quote them. Tickets of those who
// only said to have their address are taken for theirs, unless they said that it is not. What they wrote in others' tickets goes, and
// what others wrote in those stays without their address, their whole name and what the partner calls them.
func (d *Desk) Forgets() []erasure.Answer {
	return append([]erasure.Answer{
		erasure.Walk(ticketTable, aboutTicket, d.forgetTicket),
		erasure.Each(commentTable, aboutComment, forgetComment),
		erasure.Each(activityTable, aboutActivity, forgetActivity),
		erasure.Each(eventTable, aboutEvent, d.forgetEvent),
		erasure.Each(answerTable, aboutAnswer, forgetAnswer),
		forgetAnswered(),
		erasure.Dropped(counterTable, func(p *erasure.Person, c *counter) bool { return ownedBy(p, c.Of) }),
		erasure.Never(documentTable, "written anew with the tickets and comments"),
		erasure.Each(heldTable, func(p *erasure.Person, h *Held) bool { return p.Told(h) }, redacted[Held]),
		erasure.Each(draftTable, func(p *erasure.Person, x *DraftReply) bool { return p.Told(x) }, redacted[DraftReply]),
		erasure.Dropped(presenceTable, func(p *erasure.Person, x *Presence) bool { return p.Named(x.Name) }), // who was on the team
		erasure.Never(habitsTable, "of agents"),
		erasure.Redacted(viewTable),
		erasure.Redacted(replyTable),
		erasure.Never(policyTable, "the tenant's own"),
		erasure.Never(passTable, "numbers"),
		erasure.Never(measureTable, "numbers, and agents"),
		erasure.Never(backlogTable, "numbers"),
		erasure.Never(categoryTable, "the tenant's own"),
		erasure.Never(seedTable, "the tenant's own"),
	}, d.files.Forgets(ownedBy, amend)...)
}

// UserErased writes among the events that somebody was forgotten.
func (d *Desk) UserErased(tx *storage.Tx, tn *tenant.Tenant, e erasure.Erasure) error {
	return d.record(tx, tn, Happening{Event: Event{Type: UserErased, UserID: e.ID, Actor: actorNamed(e.By)}})
}

// actorNamed is whom the audit log names so.
func actorNamed(actor string) Author {
	kind, id, found := strings.Cut(actor, ":")
	switch {
	case !found:
		return Author{Role: "system"}
	case kind == "token":
		return Author{ID: id, Role: "api"}
	}
	return Author{ID: id, Role: kind}
}

// ownedBy says whether an owner is the person, or somebody who only said so.
func ownedBy(p *erasure.Person, owner string) bool {
	kind, id, _ := strings.Cut(owner, ":")
	return kind == "user" && id == p.ID || kind == "lineage" && slices.Contains(p.Lineages, id)
}

// filedBy says whether a ticket is the person's, and learns from it what else they are known by.
func filedBy(p *erasure.Person, t *Ticket) bool {
	r := t.Requester
	switch {
	case r == nil: // notes about the person that were split off
		return t.SplitFrom != "" && slices.Contains(p.Opened, t.ID)
	case r.ID != "" && r.ID == p.ID:
		p.Learn(r.Email, r.Name, r.ExternalID)
		for _, part := range t.SplitInto {
			p.Open(part)
		}
		return true
	case r.ID == "" && (p.Is("", r.Email) || ownedBy(p, owner(*r))):
		p.Follow(r.Lineage, r.Name)
		return true
	}
	return false
}

// IsOf says whether a ticket is the person's or one that somebody filed who only said to be the person, or was opened by them.
func (t *Ticket) IsOf(p *erasure.Person) bool {
	return filedBy(p, t) || slices.Contains(p.Opened, t.ID)
}

// aboutTicket says whether a ticket is the person's, or has them in one of its fields.
func aboutTicket(p *erasure.Person, t *Ticket) bool {
	if filedBy(p, t) || t.Assignee != nil && p.Is(t.Assignee.ID, t.Assignee.Email) {
		return true
	}
	q := spared(p, t)
	return q.Told(&t.CustomFields) || q.Told(&t.Tags) || q.Told(&t.OwnFields) || q.Told(&t.OwnTags) || slices.ContainsFunc(t.words(), func(text *string) bool { return q.In(*text) || q.Masks(*text) })
}

// spared is the person as the ticket of somebody else is searched for them: who has the same name keeps it there.
func spared(p *erasure.Person, t *Ticket) *erasure.Person {
	if r := t.Requester; r != nil {
		return p.Sparing(r.ID, r.Email, r.Name)
	}
	return p
}

// words are the ticket's own texts.
func (t *Ticket) words() []*string {
	all := []*string{&t.Title, &t.Description, &t.ExternalID, &t.Organization}
	if t.Rating != nil {
		all = append(all, &t.Rating.Comment)
	}
	return all
}

// forgetPart takes the person out of the next part of what belongs to their own ticket, behind a key. It returns the key of the
// last, nil at the end.
type forgetPart = func(tx *storage.Tx, p *erasure.Person, t *Ticket, after storage.Key) (storage.Key, error)

// forgetTicket takes the person out of a ticket: first out of what belongs to it.
func (d *Desk) forgetTicket(ctx context.Context, sc storage.Scope, p *erasure.Person, t *Ticket) error {
	if filedBy(p, t) && !t.Disowned {
		for _, part := range []forgetPart{d.forgetFiles, forgetThread, forgetHistory, forgetBelow(heldTable), forgetBelow(draftTable)} {
			if err := d.inParts(ctx, sc, p, t, part); err != nil {
				return err
			}
		}
	}
	return d.store.Update(ctx, sc, func(tx *storage.Tx) error {
		old, err := load(tx, t.Ref())
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		after := old
		after.forget(p)
		after.Version++
		if err := save(tx, &old, &after); err != nil {
			return err
		}
		return rebuild(tx, &after)
	})
}

// inParts does a part after the other, each in a transaction.
func (d *Desk) inParts(ctx context.Context, sc storage.Scope, p *erasure.Person, t *Ticket, part forgetPart) error {
	var after storage.Key
	for {
		var next storage.Key
		err := d.store.Update(ctx, sc, func(tx *storage.Tx) (err error) {
			next, err = part(tx, p, t, after)
			return err
		})
		if err != nil || next == nil {
			return err
		}
		after = next
	}
}

// forget leaves of the person's own ticket the number, the status and the times, and takes them out of others'.
func (t *Ticket) forget(p *erasure.Person) {
	if t.Assignee != nil && p.Is(t.Assignee.ID, t.Assignee.Email) {
		t.Assignee = nil
	}
	if !filedBy(p, t) {
		t.redact(spared(p, t))
		return
	}
	t.Requester, t.Assurance, t.Organization = &Person{Name: erasure.Erased}, "", ""
	if t.Disowned {
		t.redact(p)
		return
	}
	t.Title, t.Description, t.ExternalID, t.CustomFields, t.Erased = erasure.Erased, erasure.Erased, "", nil, true
	t.Files, t.Tags, t.OwnTags, t.OwnFields = nil, nil, nil, nil
	if t.Rating != nil {
		stars := *t.Rating
		stars.Comment = ""
		t.Rating = &stars
	}
}

// redact takes the person out of the texts of somebody else's ticket.
func (t *Ticket) redact(p *erasure.Person) {
	if t.Rating != nil {
		stars := *t.Rating
		t.Rating = &stars
	}
	for _, text := range t.words() {
		*text = p.Masked(*text)
	}
	t.CustomFields = cleanFields(p, t.CustomFields)
	t.OwnFields = cleanFields(p, t.OwnFields)
	names := func(tag string) bool { return p.In(tag) || p.Masks(tag) }
	t.Tags, t.OwnTags = slices.DeleteFunc(slices.Clone(t.Tags), names), slices.DeleteFunc(slices.Clone(t.OwnTags), names)
}

func cleanFields(p *erasure.Person, fields map[string]any) map[string]any {
	var clean map[string]any
	for key, value := range fields {
		if text, is := value.(string); is {
			value = p.Masked(text)
		}
		if clean == nil {
			clean = make(map[string]any, len(fields))
		}
		if !p.In(key) && !p.Masks(key) {
			clean[key] = value
		}
	}
	return clean
}

// forgetThread does the comments.
func forgetThread(tx *storage.Tx, p *erasure.Person, t *Ticket, after storage.Key) (storage.Key, error) {
	const page = 10 // a comment may be large
	var found []Comment
	for c, err := range commentTable.Scan(tx, storage.Range{Prefix: newest(nil, t.ulid()), After: after, Limit: page}) {
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	for i := range found {
		c := found[i]
		if c.Author.Role != "requester" || p.Is(c.Author.ID, c.Author.Email) {
			c.erase(p)
		} else { // others have asked as well where tickets were merged
			c.Body = p.Sparing(c.Author.ID, c.Author.Email, c.Author.Name).Masked(c.Body)
		}
		c.Files = nil // they are gone
		if err := commentTable.Put(tx, &c); err != nil {
			return nil, err
		}
	}
	if len(found) < page {
		return nil, nil
	}
	return commentKey(&found[page-1]), nil
}

// erase leaves of a comment that it was there, and who of the team wrote it.
func (c *Comment) erase(p *erasure.Person) {
	c.Body = erasure.Erased
	if c.Author.Role == "requester" {
		c.Author = Author{Name: erasure.Erased, Role: c.Author.Role}
	}
	p.Scrub(&c.Author)
}

// forgetFiles removes the files of the person's own ticket, whoever attached them: nobody can tell what is in them.
func (d *Desk) forgetFiles(tx *storage.Tx, _ *erasure.Person, t *Ticket, _ storage.Key) (storage.Key, error) {
	n, err := d.files.RemoveOf(tx, t.ID, purgePage)
	if err != nil || n < purgePage {
		return nil, err
	}
	return newest(nil, t.ulid()), nil
}

// amend changes what a message says of one of its files; nil takes it out. A message that is gone needs nothing.
func amend(tx *storage.Tx, f *file.File, is *file.Info) error {
	if !f.Used() {
		return nil
	}
	old, err := load(tx, Ref{id: parseID(ticketPrefix, f.TicketID)})
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if f.CommentID != "" {
		err = changeInComment(tx, f, is)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		return err
	}
	t := old
	t.Files = replaced(t.Files, f.ID, is)
	return ticketTable.Replace(tx, &old, &t)
}

// forgetHistory does the entries of the history.
func forgetHistory(tx *storage.Tx, p *erasure.Person, t *Ticket, after storage.Key) (storage.Key, error) {
	const page = 100
	var found []Activity
	for x, err := range activityTable.Scan(tx, storage.Range{Prefix: newest(nil, t.ulid()), After: after, Limit: page}) {
		if err != nil {
			return nil, err
		}
		found = append(found, x)
	}
	for i := range found {
		x := found[i]
		p.Scrub(&x)
		x.Changes = cleanChanges(p, x.Changes, true)
		if err := activityTable.Put(tx, &x); err != nil {
			return nil, err
		}
	}
	if len(found) < page {
		return nil, nil
	}
	return activityKey(&found[page-1]), nil
}

// forgetBelow deletes what a table has below the ticket.
func forgetBelow[T any](table *storage.Table[T]) forgetPart {
	return func(tx *storage.Tx, _ *erasure.Person, t *Ticket, _ storage.Key) (storage.Key, error) {
		n, err := clearBelow(table)(tx, newest(nil, t.ulid()))
		if err != nil || n < purgePage {
			return nil, err
		}
		return newest(nil, t.ulid()), nil
	}
}

// cleanChanges are the changes without the person, and in their own ticket without what they may have written.
func cleanChanges(p *erasure.Person, all []FieldChange, own bool) []FieldChange {
	clean := slices.Clone(all)
	for i := range clean {
		c := &clean[i]
		switch c.Field {
		case "requester":
			for _, text := range []*string{&c.From, &c.To} {
				if *text = p.Clean(*text); p.Named(*text) || own && *text != "" {
					*text = erasure.Erased
				}
			}
		case "title", "external_id", "tags", "organization":
			if own {
				c.From, c.To = "", ""
			}
		}
		c.From, c.To = p.Masked(c.From), p.Masked(c.To)
	}
	return clean
}

// rebuild has the ticket found by what is left of it.
func rebuild(tx *storage.Tx, t *Ticket) error {
	const most = 3000 // comments, for a transaction reads a bounded number of rows
	doc := document{}
	doc.name(t)
	doc.rewrite(t)
	doc.attach(len(t.Files) > 0, Public)
	for _, v := range []Visibility{Public, Internal} {
		for c, err := range commentTable.Scan(tx, storage.Range{Prefix: commentsOf(t.ulid(), v), Limit: most}) {
			if err != nil {
				return err
			}
			doc.read(c.Body, v)
			doc.attach(len(c.Files) > 0, v)
		}
	}
	return documentTable.Put(tx, &doc)
}

func aboutComment(p *erasure.Person, c *Comment) bool {
	return p.Is(c.Author.ID, c.Author.Email) || p.In(c.Body) || p.Masks(c.Body)
}

// forgetComment does a comment of the person's, or one with them in it, in whosever ticket.
func forgetComment(tx *storage.Tx, p *erasure.Person, c *Comment) (erasure.Verdict, error) {
	t, err := load(tx, Ref{id: parseID(ticketPrefix, c.TicketID)})
	gone := errors.Is(err, storage.ErrNotFound)
	if err != nil && !gone {
		return erasure.Keep, err
	}
	was := *c
	if p.Is(c.Author.ID, c.Author.Email) && c.Author.Role == "requester" {
		c.erase(p)
	} else {
		c.Body = spared(p, &t).Sparing(c.Author.ID, c.Author.Email, c.Author.Name).Masked(c.Body)
		p.Scrub(&c.Author)
	}
	if c.Body == was.Body && c.Author == was.Author {
		return erasure.Keep, nil
	}
	if err := commentTable.Put(tx, c); err != nil || gone {
		return erasure.Keep, err
	}
	after := t
	after.Version++
	if err := save(tx, &t, &after); err != nil {
		return erasure.Keep, err
	}
	return erasure.Keep, rebuild(tx, &after)
}

// aboutAnswer says whether what a program or a browser was answered has the person in it.
func aboutAnswer(p *erasure.Person, x *answer) bool {
	return filedBy(p, &x.Ticket) || p.Told(x) || slices.Contains(p.Opened, x.Ticket.ID)
}

// forgetAnswer keeps what was answered about others' tickets.
func forgetAnswer(_ *storage.Tx, p *erasure.Person, x *answer) (erasure.Verdict, error) {
	if filedBy(p, &x.Ticket) || p.Is(x.Comment.Author.ID, x.Comment.Author.Email) || slices.Contains(p.Opened, x.Ticket.ID) {
		return erasure.Drop, nil
	}
	return verdict(spared(p, &x.Ticket).Redact(x))
}

// redacted takes the person out of what somebody is writing.
func redacted[T any](_ *storage.Tx, p *erasure.Person, v *T) (erasure.Verdict, error) {
	return verdict(p.Redact(v))
}

func verdict(changed bool) (erasure.Verdict, error) {
	if changed {
		return erasure.Put, nil
	}
	return erasure.Keep, nil
}

func aboutActivity(p *erasure.Person, x *Activity) bool {
	return p.Told(x) || slices.ContainsFunc(x.Changes, func(c FieldChange) bool {
		return c.Field == "requester" && (p.Named(c.From) || p.Named(c.To))
	})
}

// forgetActivity also takes out of a ticket what the person wrote who opened it, whosever it is by now.
func forgetActivity(tx *storage.Tx, p *erasure.Person, x *Activity) (erasure.Verdict, error) {
	if x.Action == "created" && x.Actor.Role == "requester" && p.Is(x.Actor.ID, x.Actor.Email) {
		if err := forgetOpening(tx, p, x.TicketID); err != nil {
			return erasure.Keep, err
		}
	}
	p.Scrub(x)
	x.Changes = cleanChanges(p, x.Changes, false)
	return erasure.Put, nil
}

// forgetOpening removes what a ticket was opened with. One that its owner says is not theirs is somebody else's.
func forgetOpening(tx *storage.Tx, p *erasure.Person, id string) error {
	old, err := load(tx, Ref{id: parseID(ticketPrefix, id)})
	if errors.Is(err, storage.ErrNotFound) || err == nil && (old.Erased || old.Disowned) {
		return nil
	}
	if err != nil {
		return err
	}
	if !filedBy(p, &old) {
		p.Open(id)
	}
	after := old
	after.Title, after.Description = erasure.Erased, erasure.Erased
	after.Version++
	if err := save(tx, &old, &after); err != nil {
		return err
	}
	return rebuild(tx, &after)
}

// aboutEvent also says so of events with words of a ticket whose owner may have been the person.
func aboutEvent(p *erasure.Person, e *Event) bool {
	return p.Told(e) && e.Type != UserErased || ownedBy(p, e.Owner) || slices.ContainsFunc(e.Changes, func(c FieldChange) bool {
		return slices.Contains([]string{"requester", "title", "external_id", "tags", "organization"}, c.Field) && (c.From != "" || c.To != "")
	})
}

func (d *Desk) forgetEvent(tx *storage.Tx, p *erasure.Person, e *Event) (erasure.Verdict, error) {
	own := ownedBy(p, e.Owner)
	if t, err := load(tx, Ref{id: parseID(ticketPrefix, e.TicketID)}); err == nil {
		own = own || t.Erased
	} else if !errors.Is(err, storage.ErrNotFound) {
		return erasure.Keep, err
	}
	changes := cleanChanges(p, e.Changes, own)
	changed := p.Scrub(e) || !slices.Equal(changes, e.Changes)
	e.Changes = changes
	if ownedBy(p, e.Owner) {
		e.Owner, changed = "", true
	}
	if !changed {
		return erasure.Keep, nil
	}
	tx.OnCommit(func() { d.Live.forget(tx.Scope().ID()) })
	return erasure.Put, nil
}
