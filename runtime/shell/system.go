package shell

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// throughput is how many messages an actor handles in one go on the
// production dispatcher before it starts a new goroutine for the rest.
const throughput = 256

// Dispatcher runs slices of actors. Schedule must not run f before it
// returns. Throughput is how many messages one slice may handle; 1 lets the
// dispatcher choose the next actor after each message.
type Dispatcher interface {
	Schedule(f func())
	Throughput() int
}

// Options make a [System].
type Options struct {
	// Dispatcher runs the actors; nil means goroutines.
	Dispatcher Dispatcher
	// SingleThreaded promises that the dispatcher, and whoever calls into
	// the system, are one goroutine: mailboxes then take no locks.
	SingleThreaded bool
	// Now is the time that restart intensity is counted in. Required.
	Now func() time.Time
	// Elapsed is a monotonic reading, for the time spent on messages. Nil
	// means that it is not measured.
	Elapsed func() time.Duration
	// Log receives panics and node failures; nil discards them. Logs hold
	// types and places, never the values of messages.
	Log *slog.Logger
	// Before and After are called on the actor's goroutine around each
	// message it is given. A panic in one of them counts as the actor's.
	// They run beside each other unless SingleThreaded. They may be nil.
	Before, After func(Delivery)
	// OnPanic is called when an actor has panicked, on the actor's
	// goroutine. It may be nil. Value may hold anything: it is for tests
	// and the simulation, and must not be logged.
	OnPanic func(Panic)
	// OnNodeEnd is called when a node has ended, just before its Done is
	// closed, unless it was killed: err is nil after Stop, and wraps
	// ErrNodeFailed when an actor panicked too often. It must not block. It
	// may be nil.
	OnNodeEnd func(node string, err error)
	// Reuse shares the registry of an earlier system, which costs some
	// milliseconds and 3 MiB to make. Both may go on being used.
	Reuse *System
}

// System is the ground that nodes stand on: one per process, or one per
// simulated world.
type System struct {
	options Options
	proto   *actor.ActorSystem
	serial  *atomic.Uint64 // makes registry names unique, so names may be used again
	nobody  *endpoint
	above   *guardian // of all nodes
}

// NewSystem makes a system. It starts no goroutine.
func NewSystem(o Options) *System {
	if o.Now == nil {
		panic("shell: Options.Now is required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dispatcher == nil {
		o.Dispatcher = actor.NewDefaultDispatcher(throughput)
	}
	s := &System{options: o, nobody: nobody(), above: &guardian{}}
	if o.Reuse != nil {
		s.proto, s.serial = o.Reuse.proto, o.Reuse.serial
		s.options.Reuse = nil // or each system would keep all before it alive
		return s
	}
	// Proto.Actor logs panic values and messages, which may hold plaintext.
	silent := func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }
	s.proto = actor.NewActorSystem(actor.WithLoggerFactory(silent))
	// Its dead-letter logger starts a goroutine with a wall-clock ticker on
	// the first dead letter. A fresh stream has no subscribers. Nothing of
	// ours goes through it: undeliverable messages are ours to answer.
	s.proto.EventStream = newLike(s.proto.EventStream)
	s.serial = new(atomic.Uint64)
	return s
}

// newLike returns a zero value of the type that its argument points to, for
// types whose package we do not import.
func newLike[T any](*T) *T { return new(T) }

// register makes a name in Proto.Actor's registry, used once.
func (s *System) register(path string) string {
	return path + "#" + strconv.FormatUint(s.serial.Add(1), 36)
}

// props are what all our actors have in common.
func (s *System) props(
	self actor.Actor, box *mailbox, decide actor.SupervisorStrategy,
) *actor.Props {
	return actor.PropsFromProducer(
		func() actor.Actor { return self },
		actor.WithMailbox(func() actor.Mailbox { return box }),
		actor.WithDispatcher(s.options.Dispatcher),
		actor.WithSupervisor(decide),
	)
}

// counters are the figures of one role of a node, its children included.
type counters struct {
	depth, messages, busy, restarts, panics, actors atomic.Int64
}

// Stats are the figures of one role of a node since it started; actors that
// live under the role count with it.
type Stats struct {
	Role     string
	Actors   int64         // alive now
	Depth    int64         // messages waiting now
	Messages int64         // handled
	Busy     time.Duration // spent on them, if Options.Elapsed is set
	Panics   int64
	Restarts int64
}

func (c *counters) stats(role string) Stats {
	return Stats{
		Role: role, Actors: c.actors.Load(), Depth: c.depth.Load(), Messages: c.messages.Load(),
		Busy: time.Duration(c.busy.Load()), Panics: c.panics.Load(), Restarts: c.restarts.Load(),
	}
}

func (s *System) logPanic(p Panic) {
	s.options.Log.LogAttrs(context.Background(), slog.LevelError, "Actor panicked",
		slog.String("actor", p.Actor.String()), slog.Uint64("incarnation", p.Incarnation),
		slog.String("message", p.Message), slog.String("panic", p.Text),
		slog.Any("at", p.At))
}
