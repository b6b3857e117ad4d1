package web

import (
	"net/http"
	"strings"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/file"
)

// filesField is where a form takes files: the template "files" shows it.
type filesField struct {
	// Kept are files that are stored already, from a try that could not be taken.
	Kept []keptFile
	// Count and Size are how many files may come, and how large each may be.
	Count, Size string
	Errors      []string
}

// keptFile is a file that is stored and waits for its message.
type keptFile struct{ ID, Name, Size string }

// filesField is the field of a form that has these files already.
func (s *Server) filesField(r *http.Request, kept []file.Info, wrong fieldErrors) filesField {
	f := filesField{Count: "20", Size: sizeText(callerOf(r).tenant.Settings.AttachmentLimit())}
	f.Errors = append(append(f.Errors, wrong["files"]...), wrong["attachment_ids"]...)
	for _, one := range kept {
		f.Kept = append(f.Kept, keptFile{ID: one.ID, Name: one.Name, Size: sizeText(one.Size)})
	}
	return f
}

// shownFile is a file of a message in a thread: the template "attached" shows it.
type shownFile struct {
	Name, Size, URL string
	// Image: it can be shown as it is.
	Image bool
}

// maxPreview is the largest picture that a thread shows, in bytes.
const maxPreview = 4 << 20

// shownFiles are a message's files as its thread shows them.
func shownFiles(r *http.Request, files []file.Info) []shownFile {
	mount := strings.TrimSuffix(tenant.VisitFrom(r.Context()).Mount, "/")
	var shown []shownFile
	for _, f := range files {
		shown = append(shown, shownFile{
			Name: f.Name, Size: sizeText(f.Size), URL: mount + attachmentPath(f.ID), Image: f.Image() && f.Size <= maxPreview,
		})
	}
	return shown
}
