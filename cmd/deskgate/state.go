package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/deskgate/deskgate/proxy/live"
	"github.com/deskgate/deskgate/tenant/outbox"
)

// nodeState is how a running node is, for doctor and top.
type nodeState struct {
	Node        string         `json:"node"`
	Version     string         `json:"version"`
	Begun       time.Time      `json:"begun"`
	Connections int            `json:"connections"`
	Running     int64          `json:"requests_running"`
	ReadOnly    string         `json:"read_only"` // why; empty: it is not
	Domains     map[string]int `json:"domains"`
	Drifting    []drifting     `json:"domains_drifting"` // some of them

	Certificates certificatesState `json:"certificates"`
	Upstreams    []upstreamState   `json:"upstreams"`
	Queues       []queueCount      `json:"queues"`
}

type drifting struct {
	Host   string    `json:"host"`
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
}

type certificatesState struct {
	States  map[string]int `json:"states"`
	Expires *time.Time     `json:"first_expires_at"`
	// Authorities are those that are asked for certificates, in this order; none without ACME.
	Authorities []authorityState `json:"authorities"`
	Roots       []rootDocument   `json:"roots"`   // of the node's own CA
	Failing     []failing        `json:"failing"` // some of them
}

type failing struct {
	Host        string     `json:"host"`
	Reason      string     `json:"reason"`
	Expires     *time.Time `json:"expires_at"`
	NextAttempt *time.Time `json:"next_attempt_at"`
}

// authorityState is how it stands with a CA that speaks ACME.
type authorityState struct {
	Authority string     `json:"authority"`
	RestsTill *time.Time `json:"rests_until"` // null: it is asked
	Reason    string     `json:"reason"`
	Faults    int        `json:"faults"` // in a row
	Failed    uint64     `json:"failed"` // attempts
}

type upstreamState struct {
	Upstream string `json:"upstream"`
	Health   string `json:"health"`
	Reason   string `json:"reason"`
	Running  int64  `json:"requests_running"`
	Answered uint64 `json:"answered"`
	Failed   uint64 `json:"failed"`
}

// queueCount is how many wait of something, and since when the oldest does.
type queueCount struct {
	Name    string     `json:"name"`
	Waiting int        `json:"waiting"`
	Oldest  *time.Time `json:"oldest"`
	Dead    int        `json:"dead"`
	Reason  string     `json:"reason"` // why the last try failed, if none was made since that went well
}

var (
	stateShow    = action[nothing, nodeState]{"state/show", (*operator).state}
	watchTraffic = action[watching, live.Traffic]{"traffic/watch", (*operator).watch}
)

// watching is for how long to look at the traffic.
type watching struct {
	Milliseconds int `json:"milliseconds"`
}

// errNoEdge: what is asked for is what a running node alone knows.
var errNoEdge = &failure{Code: codeNotFound, Message: "No node runs.", Details: "no node runs on this data folder: start one with deskgate serve"}

const longestWatch = time.Minute

func (o *operator) watch(ctx context.Context, w watching) (live.Traffic, error) {
	if o.edge == nil {
		return live.Traffic{}, errNoEdge
	}
	return o.edge.Watch(ctx, min(time.Duration(w.Milliseconds)*time.Millisecond, longestWatch))
}

func (o *operator) state(ctx context.Context, _ nothing) (nodeState, error) {
	if o.edge == nil {
		return nodeState{}, errNoEdge
	}
	now := o.edge.State()
	s := nodeState{
		Node: o.names.URL(), Version: thisVersion().Version, Begun: now.Begun, Connections: now.Connections, Running: now.Running, Upstreams: []upstreamState{},
	}
	if err := o.store.Health(); err != nil {
		s.ReadOnly = err.Error()
	}
	c, err := o.edge.Census(ctx)
	s.Domains, s.Certificates = words(c.Domains), certificatesState{States: words(c.Certificates), Expires: timeOrNull(c.Expires), Failing: []failing{}}
	s.Drifting = []drifting{}
	for _, d := range c.Drifting {
		s.Drifting = append(s.Drifting, drifting{string(d.Host), d.Since, d.Reason})
	}
	for _, t := range c.Troubled {
		s.Certificates.Failing = append(s.Certificates.Failing, failing{string(t.Host), t.Reason, timeOrNull(t.NotAfter), timeOrNull(t.NextAttempt)})
	}
	s.Certificates.Roots, s.Certificates.Authorities = rootDocuments(o.edge.Roots()).Roots, []authorityState{}
	for _, a := range o.edge.Authorities() {
		s.Certificates.Authorities = append(s.Certificates.Authorities, authorityState{a.Authority, timeOrNull(a.Until), a.Reason.String(), a.Faults, a.Failed})
	}
	for _, u := range now.Upstreams {
		s.Upstreams = append(s.Upstreams, upstreamState{u.Upstream, u.Health, u.Reason, u.UnderWay, u.Answered, u.Failed})
	}
	mail, mailErr := o.post.State(ctx)
	hooks, hooksErr := o.webhooks.State(ctx)
	events := o.backlog.now(ctx)
	s.Queues = []queueCount{
		queueOf("mail", mail), queueOf("webhooks", hooks),
		{Name: "domain checks", Waiting: c.ChecksDue, Oldest: timeOrNull(c.CheckDueSince)},
		{Name: "certificates", Waiting: c.CertificatesDue},
		{Name: "domain events", Waiting: events.Waiting, Oldest: timeOrNull(events.Oldest)},
	}
	return s, errors.Join(err, mailErr, hooksErr)
}

func queueOf(name string, s outbox.State) queueCount {
	return queueCount{Name: name, Waiting: s.Waiting, Oldest: timeOrNull(s.Oldest), Dead: s.Dead, Reason: s.Reason}
}

func words[S ~string](counted map[S]int) map[string]int {
	all := make(map[string]int, len(counted))
	for s, n := range counted {
		all[string(s)] = n
	}
	return all
}

// unfit are the upstreams that get no requests, those that were let down most first.
func (s *nodeState) unfit() (all []upstreamState) {
	for _, u := range s.Upstreams {
		if u.Health == "down" || u.Health == "resting" {
			all = append(all, u)
		}
	}
	slices.SortFunc(all, func(a, b upstreamState) int {
		return cmp.Or(cmp.Compare(b.Failed, a.Failed), cmp.Compare(a.Upstream, b.Upstream))
	})
	return all
}

// runningState asks the node that runs on the data folder, if there is one and this user may.
func runningState(ctx context.Context, s *settings) (state nodeState, runs bool, err error) {
	conn, err := dialAdmin(ctx, s.data)
	if err != nil {
		return state, false, nil // no node runs, or another user's, which other looks say
	}
	c := clientOver(s.data, conn)
	defer c.CloseIdleConnections()
	state, err = overSocket[nothing, nodeState](ctx, c, stateShow.path(), nothing{})
	return state, true, err
}
