package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
)

// ClientRole is the client's name in traces and drawings.
const ClientRole = "client"

var _ shell.Behaviour = (*Client)(nil)

// Client is an actor outside of the node, which asks it for the sessions
// that run in it. It outlives the node's crashes.
type Client struct {
	house *House
	clock port.Clock
	ctx   shell.Ctx // while a message is being handled

	sessions []*Session // that have not ended
	open     map[messages.Corr]*Pending
	void     map[messages.Corr]bool // asked of a node that has died since
	asked    uint64
	replied  uint64
}

// newClient starts a client as a node of its own.
func newClient(h *House) (*Client, error) {
	c := &Client{
		house: h, open: make(map[messages.Corr]*Pending), void: make(map[messages.Corr]bool),
	}
	machine, err := h.World.NewNode(sim.NodeConfig{
		Name: "outside",
		Spec: tree.Spec{Children: []tree.ChildSpec{{
			Role: ClientRole, Doc: "asks the node", New: func(env *shell.Env) shell.Behaviour {
				c.clock = env.Clock
				return c
			},
		}}},
	})
	if err != nil {
		return nil, err
	}
	if err := machine.Boot(); err != nil {
		return nil, err
	}
	return c, h.World.Run(0)
}

// wake goes on with a session at its time.
type wake struct{ session *Session }

// Start implements [shell.Behaviour].
func (c *Client) Start(shell.Ctx) {}

// Due implements [shell.Behaviour].
func (c *Client) Due(ctx shell.Ctx, due any) { c.resume(ctx, due.(wake).session) }

// Receive implements [shell.Behaviour]: it receives replies only.
func (c *Client) Receive(ctx shell.Ctx, msg any) {
	reply := msg.(messages.Reply)
	corr := reply.Correlation()
	if c.void[corr] {
		delete(c.void, corr)
		return
	}
	p := c.open[corr]
	if p == nil {
		_ = c.house.broken("%T replies to a command that has its reply, or was never sent", reply)
		return
	}
	c.replied++
	delete(c.open, corr)
	p.reply = reply
	if p.session.awaits == p {
		c.resume(ctx, p.session)
	}
}

// resume runs a session until it waits again, or ends.
func (c *Client) resume(ctx shell.Ctx, s *Session) {
	if s.ended {
		return
	}
	s.awaits = nil
	c.ctx = ctx
	_, more := s.next()
	c.ctx = nil
	if !more {
		c.ended(s)
	}
}

func (c *Client) ended(s *Session) {
	s.ended = true
	c.sessions = slices.DeleteFunc(c.sessions, func(other *Session) bool { return other == s })
}

// nodeDied ends all sessions where they are. Nobody will answer them.
func (c *Client) nodeDied() {
	for corr := range c.open {
		c.void[corr] = true
	}
	clear(c.open)
	for _, s := range slices.Clone(c.sessions) {
		s.stop()
		c.ended(s)
	}
}

// Idle reports whether no session runs and no command waits for its reply.
func (c *Client) Idle() bool { return len(c.sessions) == 0 && len(c.open) == 0 }

// Counts returns how many commands were sent, and how many replies came.
// Commands to a node that died before it replied are in the first only.
func (c *Client) Counts() (asked, replied uint64) { return c.asked, c.replied }

// waitingFor tells what the sessions wait for, for reports.
func (c *Client) waitingFor() string {
	waiting := make(map[string]int)
	for _, p := range c.open {
		waiting[p.role+"/"+p.command.String()]++
	}
	return fmt.Sprintf("%d sessions wait for %v", len(c.sessions), waiting)
}

// send sends a command to the node, as it is running now.
func (c *Client) send(s *Session, role string, build shell.Make) *Pending {
	command := build(messages.Call{Corr: c.ctx.NextCorr()})
	p := &Pending{session: s, role: role, command: reflect.TypeOf(command)}
	c.asked++
	c.open[command.Correlation()] = p
	c.ctx.Ask(c.house.Node.Ref(role), command)
	return p
}

// Go starts a session. It begins when the world runs.
func (c *Client) Go(f func(s *Session)) {
	s := newSession(c, f)
	c.sessions = append(c.sessions, s)
	c.clock.After(0, wake{s})
}

// Pending is a command under way.
type Pending struct {
	session *Session
	role    string
	command reflect.Type
	reply   messages.Reply
}

// Done reports whether the reply is there.
func (p *Pending) Done() bool { return p.reply != nil }

// after lets a session go on in a while.
func (c *Client) after(d time.Duration, s *Session) { c.clock.After(d, wake{s}) }
