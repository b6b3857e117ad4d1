package web

import "html/template"

// repliesView is the list of canned replies.
type repliesView struct {
	frame

	Done    string
	Replies []replyRow
}

// replyRow is a canned reply in the list.
type replyRow struct {
	ID, Name, Shortcut string
	Status             statusLabel
	Tags               []string
	Shared             bool
}

// replyView is the form of one canned reply.
type replyView struct {
	frame

	ID           string
	New          bool
	Form         cannedForm
	Statuses     []option
	Placeholders []string
	// Admin: what is typed may become everybody's. Fixed: it is, and the reader is no admin.
	Admin, Fixed bool
	Preview      template.HTML
	Errors       fieldErrors
}
