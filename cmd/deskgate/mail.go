package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tickets/notify"
	"github.com/deskgate/deskgate/web"
)

// post is the node's post office. It is not ready without --smtp-url.
func (s *settings) post(o *operator, log *slog.Logger) (*mail.Post, error) {
	letters, err := web.NewLetters(notify.NewThreads(o.store, o.directory, web.LetterReaders()))
	if err != nil {
		return nil, err
	}
	return mail.New(mail.Config{
		Store: o.store, Directory: o.directory, Server: s.smtp, From: s.mailFrom, Render: letters.Render, Failed: notify.Failed, Sent: notify.Sent(o.store),
		Spans: o.spans, Log: log,
	}), nil
}

// mailState is how the letters of a running node stand.
type mailState struct {
	Ready   bool       `json:"ready"`
	Waiting int        `json:"waiting"`
	Dead    int        `json:"dead"`
	Oldest  *time.Time `json:"oldest"`
	Reason  string     `json:"reason"`
}

var mailShow = action[struct{}, mailState]{"mail/show", (*operator).showMail}

func (o *operator) showMail(ctx context.Context, _ struct{}) (mailState, error) {
	s, err := o.post.State(ctx)
	return mailState{Ready: o.post.Ready(), Waiting: s.Waiting, Dead: s.Dead, Oldest: timeOrNull(s.Oldest), Reason: s.Reason}, err
}

// patientWith is how long letters may wait before that is a finding.
const patientWith = 10 * time.Minute

// examineMail asks the mail server whether it takes letters and, if the node runs, how many wait.
func examineMail(ctx context.Context, s *settings) []diagnosis {
	var found []diagnosis
	if node, err := s.node(); err == nil && s.smtp != nil {
		helo := string(node.Hosts()[0])
		if err := s.smtp.Check(ctx, helo, mail.Sender(s.mailFrom, node)); err != nil {
			found = append(found, one("the mail server takes no letters from this node: "+err.Error(),
				"correct --smtp-url or --mail-from, or the server; letters wait meanwhile")...)
		}
	}
	conn, err := dialAdmin(ctx, s.data)
	if err != nil {
		return found // no node runs, or another user's
	}
	c := clientOver(s.data, conn)
	defer c.CloseIdleConnections()
	state, err := overSocket[struct{}, mailState](ctx, c, mailShow.path(), struct{}{})
	switch {
	case err != nil:
		return append(found, one(err.Error(), "look at the node's log")...)
	case s.smtp != nil && !state.Ready:
		found = append(found, one("the running node knows no --smtp-url and sends no mail", "restart it with these settings")...)
	case state.Oldest != nil && time.Since(*state.Oldest) > patientWith:
		why := ""
		if state.Reason != "" {
			why = "; the last try failed: " + state.Reason
		}
		found = append(found, one(fmt.Sprintf("%s waiting, the oldest since %s%s", english.Plural(state.Waiting, "letter is", "letters are"),
			state.Oldest.Format(time.DateTime), why), "see to it that the mail server takes them; they are tried again by themselves")...)
	}
	return found
}
