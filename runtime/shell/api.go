package shell

import (
	"log/slog"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// Behaviour is an actor's code: one value per incarnation, never called
// concurrently.
type Behaviour interface {
	// Start is called once, before anything else.
	Start(ctx Ctx)
	// Receive handles a command, reply, event or port answer. msg is a
	// member of the actor's sealed interface in messages.
	Receive(ctx Ctx, msg any)
	// Due handles one of the actor's own timers.
	Due(ctx Ctx, due any)
}

// Stopper is a [Behaviour] that wants to know its end. Stop may send events
// and replies; nothing arrives any more.
type Stopper interface{ Stop(ctx Ctx) }

// Ctx is what an actor may do while it handles one message. It is valid only
// during the call it was passed to.
type Ctx interface {
	// Self is the actor's own address.
	Self() Ref
	// NextCorr returns a correlation id that this incarnation has not used.
	// One sequence serves Ask and all ports.
	NextCorr() messages.Corr
	// Ask sends a command. Exactly one reply with the command's Corr arrives
	// at Receive, unless this incarnation ends first.
	Ask(to Ref, command messages.Command)
	// Tell sends an event.
	Tell(to Ref, event any)
	// Caller is who sent the command being received; it may be kept and
	// answered later. It is the zero Caller for anything but a command.
	Caller() Caller
	// Reply answers a command. It panics unless reply carries the caller's
	// Corr and the command is still open.
	Reply(to Caller, reply messages.Reply)
	// Fail answers a command with [messages.Failed].
	Fail(to Caller, err *messages.Error)
	// Spawn starts a child under this actor, restarted by the same rules.
	// The name must be free. Children end with their parent's incarnation.
	Spawn(name string, child Child) Ref
	// StopChild stops a child spawned here.
	StopChild(child Ref)
}

// Caller is somebody who awaits one reply. It is comparable, and so a map
// key; the zero value is nobody.
type Caller struct {
	Ref  Ref
	Corr messages.Corr
}

// IsZero reports whether nobody waits.
func (c Caller) IsZero() bool { return c == Caller{} }

// Answer is what a reply to c embeds.
func (c Caller) Answer() messages.Answer { return messages.Answer{Corr: c.Corr} }

// Child is how an actor is made.
type Child struct {
	// New makes an incarnation's behaviour.
	New func(env *Env) Behaviour
}

// Env is what an incarnation has: ports bound to it, and its siblings.
// Production and simulation fill it differently; an actor cannot tell.
type Env struct {
	Clock   port.Clock
	Rand    port.Rand
	Entropy port.Entropy
	Workers port.Workers
	Blocks  port.Blocks
	Index   port.Index
	Net     port.Net    // nil in a node without a network
	Gossip  port.Gossip // nil in a node without a network
	Log     *slog.Logger

	// Sibling returns the address of the actor of that role in the same
	// node, for example "store". The address stays good over restarts.
	Sibling func(role string) Ref
}
