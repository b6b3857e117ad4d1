package web_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/web/webtest"
)

// onDisk writes files as somebody has them at home, and returns their paths.
func onDisk(t *testing.T, contents map[string]string) map[string]string {
	t.Helper()
	dir, paths := t.TempDir(), map[string]string{}
	for name, content := range contents {
		paths[name] = filepath.Join(dir, name)
		if err := os.WriteFile(paths[name], []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// joins has somebody who is invited to Acme's staff choose a password in the browser, and go to the console.
func joins(t *testing.T, n *webtest.Node, b *webtest.Browser, email, name string) (desk string) {
	t.Helper()
	i, err := n.Staff.Invite(t.Context(), n.Acme.Tenant, email, name, auth.RoleAdmin, "operator")
	if err != nil {
		t.Fatal(err)
	}
	b.Open(i.URL)
	b.Fill("#password", webtest.Password)
	b.Click("main form button")
	desk, _, _ = strings.Cut(i.URL, "/auth/")
	b.At(desk + "/agent/settings/passkeys")
	b.Open(desk + "/agent")
	b.See("#views", "Inbox")
	return desk
}

// copyPicture puts a picture into the clipboard, as a program for screenshots does.
func copyPicture(b *webtest.Browser) {
	b.AllowClipboard()
	b.Script(`new Promise(done => { const c = document.createElement("canvas"); c.width = c.height = 4; c.getContext("2d").fillRect(0, 0, 4, 4); c.toBlob(done); })
		.then(picture => navigator.clipboard.write([new ClipboardItem({"image/png": picture})])).then(() => "")`)
}

// TestJourneyToARating: from the button on a partner's page to a request with files, an answer with a file, a reply, and a
// rating. The requester and the agent have the same browser, but for their cookies.
func TestJourneyToARating(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t)
	desk, partner := home(t, n, partnerForm)
	files := onDisk(t, map[string]string{"order.txt": "Order 118", "log.csv": "a,b\n1,2\n", "wrong.txt": "no", "manual.txt": "Turn it off and on."})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{BlockThirdPartyCookies: true})
	b.Open(partner)
	zoe := b.ClickToTab("button")
	zoe.At(desk + "/dashboard")
	ann := b.Person()
	ann.Wear(webtest.Look{Width: 1440, Language: "en"})
	joins(t, n, ann, "ann@acme.example", "Ann Arbor")

	filesWithFiles(t, zoe, desk, files)
	answersWithAFile(t, ann, zoe, files["manual.txt"])

	zoe.Fill("#body", "It still flickers.")
	zoe.Click("#answer .primary")
	zoe.See("main .msg:last-child", "It still flickers.")
	ann.See("#thread", "It still flickers.")
	ann.Click("#resolve")
	ann.See("#ticket-head .chip", "Resolved")
	zoe.See("#news", "There is something new in this request.")
	zoe.Click("#news a")
	zoe.See(".head .chip", "Solved")
	zoe.Click(`form[action$="/reopen"] button`)
	zoe.See(".head .chip", "We are on it")
	ann.See("#ticket-head .chip", "Open")
	ann.Fill("#body", "Then we send a new one.")
	ann.Click("#answer .primary")
	ann.Click("#toasts button[value=now]")
	zoe.See("#news", "There is something new in this request.")
	zoe.Click("#news a")
	zoe.See("main", "Then we send a new one.")
	zoe.Click(`form[action$="/solved"] button`)
	zoe.See(".head .chip", "Solved")

	zoe.Click(`.rating label:has([value="4"])`)
	zoe.Fill("#comment", "Quick and kind.")
	zoe.Click(".rating button")
	zoe.See("#rating", "Thank you!")
	zoe.See("#rating", "Quick and kind.")

	ann.See("#ticket-head .chip", "Resolved")
	ann.Reload()
	ann.See("#side", "Rated 4 of 5")
	ann.See("#side", "Quick and kind.")
	ann.Open(desk + "/agent/reports")
	ann.See("main", "Ratings")
	ann.See("main", "100 %") // of the ratings are good
	if got := strings.Join(allEvents(t, n.Client(t), n.URL, bearer(n.Acme)), "\n"); !strings.HasSuffix(got, "ticket.rated") {
		t.Errorf("the event log is\n%s", got)
	}
}

// filesWithFiles writes a request, with files that are chosen, dropped and pasted; one is taken out again.
func filesWithFiles(t *testing.T, zoe *webtest.Browser, desk string, files map[string]string) {
	t.Helper()
	zoe.Click("main a.btn.primary")
	zoe.At(desk + "/tickets/create")
	zoe.Fill("#title", "The lamp flickers")
	zoe.Fill("#description", "Since yesterday.")
	zoe.Upload("#files", files["order.txt"], files["wrong.txt"])
	zoe.See(".chosen-files", "wrong.txt")
	zoe.Drop("h1", files["log.csv"])
	zoe.See(".chosen-files", "log.csv")
	zoe.Click(".chosen-files li:nth-child(2) button")
	copyPicture(zoe)
	zoe.Focus("#description")
	zoe.Paste()
	if got := zoe.See(".chosen-files", "image.png"); strings.Contains(got, "wrong.txt") || !strings.Contains(got, "order.txt") {
		t.Errorf("chosen are %q", got)
	}
	zoe.Click("main form .primary")
	zoe.At(desk + "/tickets/1")
	for _, name := range []string{"order.txt", "log.csv", "image.png"} {
		zoe.See(".msg .files", name)
	}
	if name, content := zoe.Download(".msg .files li:nth-child(2) a"); name != "log.csv" || content != "a,b\n1,2\n" {
		t.Errorf("the file comes back as %s: %q", name, content)
	}
}

// answersWithAFile has the agent answer, and the requester see it without loading the page again, and take the file.
func answersWithAFile(t *testing.T, ann, zoe *webtest.Browser, manual string) {
	t.Helper()
	ann.Click("#fresh button")
	ann.See("#rows", "The lamp flickers")
	ann.Click("#rows .title")
	ann.See("#thread", "order.txt")
	ann.Fill("#body", "Please try **this**.")
	ann.Drop("#body", manual)
	ann.See(".chosen-files", "manual.txt")
	ann.Choose("#then", "Pending")
	zoe.Script(`window.stayed = true, ""`)
	ann.Click("#answer .primary")
	ann.See("#toasts", "Your reply to #1 is sent in")
	ann.Click("#toasts button[value=now]")
	zoe.See("#news", "There is something new in this request.")
	if zoe.Script(`"" + window.stayed`) != "true" {
		t.Error("the requester's page was loaded again by itself")
	}
	zoe.Click("#news a")
	zoe.See(".head .chip", "Waiting for you")
	zoe.See(".msg.staff", "Please try this.")
	if name, content := zoe.Download(".msg.staff .files a"); name != "manual.txt" || content != "Turn it off and on." {
		t.Errorf("the file is %s: %q", name, content)
	}
}

// TestJourneyByMail: from the letter to the request, in a browser that nobody knows yet: over the code, to the answer, and by
// the link of another letter to a rating.
func TestJourneyByMail(t *testing.T) {
	t.Parallel()
	n := webtest.Start(t, webtest.WithMail())
	desk, partner := home(t, n, partnerFetch)
	ann := webtest.NewBrowser(t, webtest.BrowserOptions{})
	ann.Wear(webtest.Look{Width: 1440, Language: "en"})
	joins(t, n, ann, "ann@acme.example", "Ann Arbor")
	n.Mail.Wait(t, "ann@acme.example") // the invitation

	// Somebody has called, and the agent writes it down.
	ann.Click("#views .new")
	ann.Fill("#email", "zoe@example.com")
	ann.Fill("#name", "Zoe Park")
	ann.Fill("#title", "She has called about her lamp")
	ann.Fill("#description", "It flickers.")
	ann.Click("main form .primary")
	ann.See("#subject", "She has called about her lamp")
	letter := n.Mail.Wait(t, "zoe@example.com")
	link := addressIn(t, letter, "/")

	zoe := ann.Person()
	zoe.Open(link)
	zoe.At(desk + "/auth/sign-in")
	zoe.Open(partner)
	zoe.Click("button")
	zoe.At(desk + "/dashboard")
	zoe.Click(".notice.ask .btn")
	zoe.Click("main form button")
	zoe.Fill("#code", n.Mail.WaitCode(t, "zoe@example.com"))
	zoe.Click("main form .primary")
	zoe.At(desk + "/tickets/1")
	zoe.See("main", "She has called about her lamp")
	zoe.See("main", "It flickers.")
	zoe.Fill("#body", "I am here now.")
	zoe.Click("#answer .primary")
	zoe.See("main", "I am here now.")

	ann.See("#thread", "I am here now.")
	ann.Fill("#body", "All done.")
	ann.Choose("#then", "Resolved")
	ann.Click("#answer .primary")
	ann.Click("#toasts button[value=now]")
	rate := addressIn(t, n.Mail.Wait(t, "zoe@example.com"), "/auth/rate")
	anybody := ann.Person() // the letter may be read anywhere
	anybody.Open(rate)
	anybody.Click(`[name=stars][value="5"]`)
	anybody.Fill("#comment", "By mail.")
	anybody.Click("main form button")
	anybody.See("main", "You have given 5 of 5 stars.")
	ann.Reload()
	ann.See("#side", "By mail.")
	zoe.Reload()
	zoe.See("#rating", "By mail.")
}
