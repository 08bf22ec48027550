package sim

import (
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// patience is how much virtual time a client waits for a reply.
const patience = time.Hour

// Test is what the world needs of a test; *testing.T and *rapid.T have it.
type Test interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Client talks to a node's actors in straight lines: it runs the world while
// it waits.
type Client struct {
	test Test
	node *Node
	gate *shell.Gate
}

// Client makes a client of a node. It stays good over crashes of the node.
func (w *World) Client(t Test, node *Node) *Client {
	return &Client{test: t, node: node, gate: w.Gate("client", 0)}
}

// Pending is a command under way.
type Pending struct {
	client *Client
	role   string
	reply  messages.Reply
}

// Start sends a command and returns at once; the world does not run.
func (c *Client) Start(role string, build shell.Make) *Pending {
	c.test.Helper()
	p := &Pending{client: c, role: role}
	to := c.node.Ref(role)
	if to.IsZero() && c.node.running != nil {
		c.test.Fatalf("node %s has no %s", c.node.Name(), role)
	}
	_, err := c.gate.Send(to, build, func(reply messages.Reply) {
		if p.reply != nil {
			c.test.Fatalf("%s replied twice to one command", role)
		}
		p.reply = reply
	})
	if err != nil {
		c.test.Fatalf("send to %s: %v", role, err)
	}
	return p
}

// Done reports whether the reply is there.
func (p *Pending) Done() bool { return p.reply != nil }

// Wait runs the world until the reply is there, and returns it as it came,
// messages.Failed included. It fails the test when the world goes idle
// without it, when an hour of virtual time has passed, or when an actor has
// panicked that was not told to.
func (p *Pending) Wait() messages.Reply {
	t, w := p.client.test, p.client.node.world
	t.Helper()
	bad := func() bool { return len(w.panics) > 0 && !w.options.AllowPanics }
	err := w.runUntil(w.loop.nowNS+int64(patience), func() bool { return p.Done() || bad() })
	switch {
	case err != nil:
		t.Fatalf("%v\nthe last deliveries:\n%s", err, w.TraceTail())
	case bad():
		panicked := w.panics[0]
		t.Fatalf("%s panicked on %s: %v\nat %q\nthe last deliveries:\n%s",
			panicked.Actor, panicked.Message, panicked.Value, panicked.At, w.TraceTail())
	case !p.Done():
		t.Fatalf("%s gave no reply, at %s (seed %d); the last deliveries:\n%s",
			p.role, w.Elapsed(), w.options.Seed, w.TraceTail())
	}
	return p.reply
}

// Ask sends a command to the actor of a role and runs the world until the
// reply is there; see Wait.
func (c *Client) Ask(role string, build shell.Make) messages.Reply {
	c.test.Helper()
	return c.Start(role, build).Wait()
}

// Must is Ask, and fails the test when the reply is messages.Failed.
func (c *Client) Must(role string, build shell.Make) messages.Reply {
	c.test.Helper()
	reply, err := shell.Result(c.Ask(role, build))
	if err != nil {
		c.test.Fatalf("%s failed: %v", role, err)
	}
	return reply
}

// Failure is Ask, and fails the test unless the reply is messages.Failed
// with that code.
func (c *Client) Failure(role string, code messages.Code, build shell.Make) *messages.Error {
	c.test.Helper()
	reply := c.Ask(role, build)
	failed, ok := reply.(messages.Failed)
	if !ok || failed.Err == nil || failed.Err.Code != code {
		c.test.Fatalf("%s replied %T (%v), want a failure with code %q", role, reply, failed.Err, code)
	}
	return failed.Err
}
