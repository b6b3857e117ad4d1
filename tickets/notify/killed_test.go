package notify_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/erasure"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tenant/mail/mailtest"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/notify"
)

// What a process of this test is told by its environment: the data folder, and the mail server if it is to send letters.
const (
	victimsFolder = "DESKGATE_TEST_FOLDER"
	victimsServer = "DESKGATE_TEST_SMTP"
)

// solvedLongAgo is how many tickets wait to be closed when the first process begins.
const solvedLongAgo = 150

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimsFolder); dir != "" {
		if err := serve(context.Background(), dir, os.Getenv(victimsServer)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// TestKilled kills a process with SIGKILL again and again while tickets are filed, news is handed out and told, and solved tickets are
// closed. Then another sends the letters: each ticket that was acknowledged is told to its requester and to the staff, once, and each of
// the solved ones was closed once.
func TestKilled(t *testing.T) {
	const kills = 5
	server := mailtest.Start(t, mailtest.Options{})
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for i := range kills {
		for id := range victim(t, dir, "", 8+5*i) {
			acknowledged[id] = true
		}
	}
	last := victim(t, dir, server.URL, 0)
	told, asked := map[string]int{}, map[string]int{}
	for end := time.Now().Add(time.Minute); !allOnce(acknowledged, told, asked) && time.Now().Before(end); {
		<-time.After(50 * time.Millisecond)
		told, asked = letters(server)
	}
	if !last["closed "+strconv.Itoa(solvedLongAgo)] {
		t.Errorf("of %d solved tickets not all were closed once: %v", solvedLongAgo, last)
	}
	if len(acknowledged) < kills || !allOnce(acknowledged, told, asked) {
		t.Errorf("of %d tickets that were acknowledged staff was told %v, and requesters %v", len(acknowledged), told, asked)
	}
	for id, times := range told {
		if times != 1 {
			t.Errorf("staff was told %d times of %s", times, id)
		}
	}
}

// allOnce says whether each of the tickets was told once to both sides.
func allOnce(all map[string]bool, told, asked map[string]int) bool {
	for id := range all {
		if told[id] != 1 || asked[id] != 1 {
			return false
		}
	}
	return true
}

// letters counts how often tickets are told of, to staff and to requesters.
func letters(s *mailtest.Server) (told, asked map[string]int) {
	told, asked = map[string]int{}, map[string]int{}
	for _, l := range s.Letters() {
		for id := range strings.FieldsSeq(l.Text) {
			if l.To == zoe.Email {
				told[id]++
			} else {
				asked[id]++
			}
		}
	}
	return told, asked
}

// victim runs a process and returns what it has said. It is killed when it has said so much; 0: when the test is over, and what it says
// in the first line is returned.
func victim(t *testing.T, dir, smtp string, enough int) map[string]bool {
	t.Helper()
	p := exec.CommandContext(t.Context(), os.Args[0])
	p.Env = append(os.Environ(), victimsFolder+"="+dir, victimsServer+"="+smtp)
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	ok(t, err)
	ok(t, p.Start())
	said := map[string]bool{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if said[lines.Text()] = true; len(said) >= enough {
			break
		}
	}
	if enough == 0 {
		t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
		return said
	}
	_ = p.Process.Kill()
	for lines.Scan() { // what it has said before it died
		said[lines.Text()] = true
	}
	_ = p.Wait()
	return said
}

// serve is the process. Without a mail server it files tickets and says their IDs; with one it says how many solved tickets are
// closed, and sends what there is to send.
func serve(ctx context.Context, dir, smtp string) error {
	s, err := storage.Open(ctx, storage.Options{
		Dir: dir, MinFree: 1, Tables: slices.Concat(tenant.Tables(), mail.Tables(), tickets.Tables(), notify.Tables(), erasure.Tables()),
	})
	if err != nil {
		return err
	}
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://desk.example"}})
	if err != nil {
		return err
	}
	directory := tenant.NewDirectory(s, node, nil)
	if err := directory.Load(ctx); err != nil {
		return err
	}
	tenants := tenant.NewRegistry(s, directory)
	server, err := mail.ParseServer("smtp://127.0.0.1:1")
	if smtp != "" {
		server, err = mail.ParseServer(smtp)
	}
	if err != nil {
		return err
	}
	post := mail.New(mail.Config{Store: s, Directory: directory, Server: server, Render: names, From: "desk@desk.example"})
	n := notify.New(notify.Config{Store: s, Directory: directory, Post: post, People: everybody(), Delay: 300 * time.Millisecond})
	desk := tickets.New(tickets.Config{Store: s, Tenants: tenants.List, Followers: []tickets.Follower{n.Follow}})
	acme, err := tenants.Find(ctx, "acme")
	if err != nil {
		if acme, err = found(ctx, s, tenants, desk); err != nil {
			return err
		}
	}
	var g errgroup.Group
	g.Go(func() error { return n.Run(ctx) })
	g.Go(func() error { return desk.Run(ctx) })
	if smtp != "" {
		g.Go(func() error { return post.Run(ctx) })
		g.Go(func() error { return reportClosed(ctx, desk, acme) })
		return g.Wait()
	}
	for i := 0; ; i++ {
		who := person(fmt.Sprintf("usr_%d_%d", os.Getpid(), i), "", "Somebody")
		o, err := desk.Open(ctx, acme, requester(who), tickets.Draft{Title: "Printer", Description: "It burns."})
		if err != nil {
			return err
		}
		fmt.Println(o.Ticket.ID) // it is acknowledged
		<-time.After(10 * time.Millisecond)
	}
}

// names puts a letter into the IDs of its tickets.
func names(_ context.Context, _ *tenant.Tenant, l mail.Letter) (mail.Content, error) {
	ids := []string{l.Fields["ticket"]}
	for line := range strings.SplitSeq(l.Fields["tickets"], "\n") {
		id, _, _ := strings.Cut(line, " ")
		ids = append(ids, id)
	}
	return mail.Content{Subject: "News", Text: strings.Join(ids, " "), HTML: "<p>"}, nil
}

// everybody is a staff of one, and as many requesters as there are IDs.
func everybody() notify.People {
	return notify.People{
		Requester: func(_ *storage.Tx, id string) (notify.Reader, bool, error) {
			return notify.Reader{ID: id, Email: id + "@partner.example"}, true, nil
		},
		Staff: func(*storage.Tx) ([]notify.Reader, error) {
			return []notify.Reader{{ID: zoe.ID, Email: zoe.Email}}, nil
		},
	}
}

// found makes the tenant, with tickets that are to be closed in a moment.
func found(ctx context.Context, s *storage.Store, tenants *tenant.Registry, desk *tickets.Desk) (*tenant.Tenant, error) {
	acme, _, err := tenants.Create(ctx, "acme", "Acme")
	if err != nil {
		return nil, err
	}
	at := time.Now().Add(time.Second - acme.Settings.AutoClose()) // they are due when the next process begins
	for range solvedLongAgo {
		in := tickets.Imported{Title: "Old", Description: "Old", Status: tickets.StatusResolved, CreatedAt: at, UpdatedAt: at, ResolvedAt: at}
		err = errors.Join(err, s.Update(ctx, acme.Scope(), func(tx *storage.Tx) error {
			_, err := desk.Import(tx, acme, tickets.System("import"), &in, false)
			return err
		}))
	}
	return acme, err
}

// reportClosed says how many of the old tickets are closed, by one entry of their history, when all are.
func reportClosed(ctx context.Context, desk *tickets.Desk, acme *tenant.Tenant) error {
	for closed := 0; closed < solvedLongAgo; {
		closed = 0
		for number := range uint64(solvedLongAgo) {
			page, err := desk.LastActivity(ctx, acme, tickets.System("test"), tickets.ByNumber(number+1), "", 100)
			if err != nil {
				return err
			}
			times := 0
			for _, x := range page.Activities {
				times += strings.Count(fmt.Sprint(x.Changes), "resolved closed")
			}
			if times > 1 {
				return fmt.Errorf("ticket %d was closed %d times", number+1, times)
			}
			closed += times
		}
		<-time.After(20 * time.Millisecond)
	}
	fmt.Println("closed", solvedLongAgo)
	return nil
}
