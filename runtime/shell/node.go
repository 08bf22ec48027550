package shell

import (
	"fmt"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// Part is one actor at the top of a node.
type Part struct {
	Role   string
	Child  Child
	Policy Policy
	Needs  []string // the roles it may send to
}

var (
	_ actor.Actor  = (*Node)(nil)
	_ sink         = (*Node)(nil)
	_ mailboxOwner = (*Node)(nil)
)

// Node is a supervisor with its parts: a running NoiseFS, or one of the
// thousand in a simulation.
type Node struct {
	endpoint
	system *System
	name   string
	ports  Ports
	parts  []*cell // in start order
	byRole map[string]*cell
	box    mailbox
	pid    *actor.PID
	killed atomic.Bool // a simulated crash: nothing is said or heard any more
	ended  chan struct{}

	// Of the supervisor's goroutine:
	proto  actor.Context
	ending bool
	alive  int // parts[:alive] have not been stopped
	err    error
}

// StartNode starts the parts in order under a supervisor called name. It
// returns at once: the addresses are good, and what is sent there waits
// until the actor has started. It panics on a duplicate role.
func (s *System) StartNode(name string, parts []Part, ports Ports) *Node {
	n := &Node{system: s, name: name, ports: ports, byRole: make(map[string]*cell)}
	n.endpoint = newEndpoint(name, "supervisor", n)
	n.ended = make(chan struct{})
	n.box.init(n, !s.options.SingleThreaded)
	for _, part := range parts {
		if n.byRole[part.Role] != nil {
			panic(fmt.Errorf("shell: two actors with the role %s", part.Role))
		}
		c := newCell(n, name, part.Role, part.Role, part.Child)
		c.policy, c.stats = part.Policy, new(counters)
		c.needs = make(map[string]bool, len(part.Needs))
		for _, role := range part.Needs {
			c.needs[role] = true
		}
		n.parts = append(n.parts, c)
		n.byRole[part.Role] = c
	}
	n.alive = len(n.parts)
	props := s.props(n, &n.box, &strategy{node: n}).Configure(actor.WithGuardian(s.above))
	pid, err := s.proto.Root.SpawnNamed(props, s.register(name))
	if err != nil {
		panic(fmt.Errorf("shell: spawn: %w", err)) // the name is unique by construction
	}
	n.pid = pid
	return n
}

// Name returns the node's name.
func (n *Node) Name() string { return n.name }

// Ref returns the address of a role, or the zero Ref if there is none.
func (n *Node) Ref(role string) Ref {
	if c := n.byRole[role]; c != nil {
		return Ref{&c.endpoint}
	}
	return Ref{}
}

// Stats returns the figures of all roles, in start order.
func (n *Node) Stats() []Stats {
	stats := make([]Stats, 0, len(n.parts))
	for _, c := range n.parts {
		stats = append(stats, c.stats.stats(c.role))
	}
	return stats
}

// Done is closed when all actors of the node have ended.
func (n *Node) Done() <-chan struct{} { return n.ended }

// Err tells why the node ended; valid once Done is closed. Nil after a stop
// that was asked for.
func (n *Node) Err() error { return n.err }

// BeginStop asks the node to stop: its actors are stopped one after the
// other in reverse order. It returns at once, and may be called again.
func (n *Node) BeginStop() { n.accept(envelope{kind: kindControl}) }

// Stop is BeginStop, and waits. It must not be called from an actor, or
// where the caller runs the dispatcher.
func (n *Node) Stop() error {
	n.BeginStop()
	<-n.Done()
	return n.err
}

// Kill ends the node as a power cut would: from now on its actors handle
// nothing, answer nothing and hear nothing. For the simulation, between two
// slices; Done is closed a few slices later.
func (n *Node) Kill() {
	n.killed.Store(true)
	n.system.proto.Root.Stop(n.pid)
}

// accept implements [sink].
func (n *Node) accept(e envelope) {
	if !n.box.post(e) {
		undeliverable(&n.endpoint, e)
	}
}

// panicked implements [mailboxOwner]. The supervisor runs no code but the
// shell's, so this is a bug; the node ends.
func (n *Node) panicked(value any, _ envelope) *failure {
	n.err = fmt.Errorf("%w: supervisor: %s", ErrNodeFailed, safeText(value))
	return &failure{}
}

// Receive implements [actor.Actor].
func (n *Node) Receive(ctx actor.Context) {
	n.proto = ctx
	switch message := ctx.Message().(type) {
	case *actor.Started:
		for _, c := range n.parts {
			c.spawn(ctx)
		}
	case *envelope:
		n.beginEnding()
	case *actor.Terminated:
		n.partEnded(message.Who)
	case *actor.Stopping:
		n.box.close()
	case *actor.Stopped:
		if hook := n.system.options.OnNodeEnd; hook != nil && !n.killed.Load() {
			hook(n.name, n.err)
		}
		close(n.ended)
	}
}

// fail ends the node because a part panicked too often.
func (n *Node) fail(part *cell) {
	n.err = fmt.Errorf("%w: %s panicked more than %d times in %s",
		ErrNodeFailed, part.role, part.policy.Intensity, part.policy.Period)
	n.system.options.Log.Error("Node failed", "node", n.name, "actor", part.role)
	n.beginEnding()
}

func (n *Node) beginEnding() {
	if n.ending {
		return
	}
	n.ending = true
	n.stopNext()
}

// stopNext stops the last part alive, or the supervisor itself.
func (n *Node) stopNext() {
	for n.alive > 0 && n.parts[n.alive-1].pid == nil {
		n.alive--
	}
	if n.alive == 0 {
		n.proto.Stop(n.proto.Self())
		return
	}
	n.proto.Stop(n.parts[n.alive-1].pid)
}

// partEnded notes the end of a part. While the node ends, the part before it
// is next.
func (n *Node) partEnded(who *actor.PID) {
	for i, c := range n.parts {
		if c.pid != nil && c.pid.Equal(who) {
			c.pid = nil
			if n.ending && i == n.alive-1 {
				n.stopNext()
			}
			return
		}
	}
}
