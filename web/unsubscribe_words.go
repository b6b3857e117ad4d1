package web

import (
	"strings"

	"github.com/deskgate/deskgate/tickets/notify"
	"github.com/deskgate/deskgate/web/words"
)

// endsWhat names a class of letters, or those of a digest, as they stand behind “no more letters”.
func endsWhat(w words.Reader, about notify.Class, staff bool) string {
	var all []string
	for _, one := range about.Each() {
		if name := endsClass(w, one, staff); name != "" {
			all = append(all, name)
		}
	}
	return strings.Join(all, ", ")
}

func endsClass(w words.Reader, about notify.Class, staff bool) string {
	switch about {
	case notify.AboutReceipts:
		return w.T("that a request of yours has arrived")
	case notify.AboutReplies:
		if staff {
			return w.T("about what requesters write")
		}
		return w.T("about answers to your requests")
	case notify.AboutSolved:
		return w.T("that a request of yours is solved")
	case notify.AboutReminders:
		return w.T("that remind you of requests")
	case notify.AboutClaims:
		return w.T("about requests that others file with your address")
	case notify.AboutNew:
		return w.T("about new tickets")
	case notify.AboutAssigned:
		return w.T("about tickets that are given to you")
	case notify.AboutNotes:
		return w.T("about what colleagues write")
	case notify.AboutOverdue:
		return w.T("about overdue tickets")
	}
	return ""
}
