package shell

import (
	"hash/fnv"
	"io"

	"github.com/noisefs/noisefs/messages"
)

// Ref is the address of an actor, or of a [Gate]. It is opaque, comparable
// and cheap to copy. It stays good over restarts of the actor; once the
// actor has stopped, whatever is sent there is undeliverable, also after
// another actor took the name. The zero Ref is nobody.
type Ref struct{ to *endpoint }

// IsZero reports whether r is nobody's address.
func (r Ref) IsZero() bool { return r.to == nil }

// String returns the path, for example "n0042/store".
func (r Ref) String() string {
	if r.to == nil {
		return "nobody"
	}
	return r.to.path
}

// Role returns the role in the tree, for example "store". A spawned child
// has the role of the actor at the top that it lives under.
func (r Ref) Role() string {
	if r.to == nil {
		return "nobody"
	}
	return r.to.role
}

// PathHash returns a hash of the path, the same in every process. It is for
// traces; 0 is nobody's.
func (r Ref) PathHash() uint64 {
	if r.to == nil {
		return 0
	}
	return r.to.hash
}

// endpoint is what a Ref points to. It never changes once made.
type endpoint struct {
	path string
	role string
	hash uint64 // of path
	sink sink
}

func newEndpoint(path, role string, sink sink) endpoint {
	hash := fnv.New64a()
	_, _ = io.WriteString(hash, path) // never fails
	return endpoint{path: path, role: role, hash: hash.Sum64(), sink: sink}
}

// sink takes what is sent to an endpoint. It never blocks, and may be called
// from any goroutine.
type sink interface{ accept(e envelope) }

// Kind tells how a message reaches an actor.
type Kind uint8

// The kinds of delivery.
const (
	KindStart   Kind = iota + 1 // the first call of an incarnation; no message
	KindCommand                 // Ctx.Ask or a Gate
	KindReply                   // Ctx.Reply, Ctx.Fail or the shell on the actor's behalf
	KindEvent                   // Ctx.Tell
	KindAnswer                  // a port
	KindDue                     // a timer
	kindControl                 // from the shell to a node's supervisor
)

var kindNames = [...]string{
	KindStart: "start", KindCommand: "command", KindReply: "reply", KindEvent: "event",
	KindAnswer: "answer", KindDue: "due", kindControl: "control",
}

// String names the kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "unknown"
}

// envelope is a message on its way.
type envelope struct {
	kind Kind
	from *endpoint    // nil for answers and timers
	life *Incarnation // whom an answer or a timer is for
	msg  any
}

// Delivery is one message as an observer sees it.
type Delivery struct {
	Kind        Kind
	From, To    Ref // From is zero for answers, timers and Start
	Incarnation uint64
	Msg         any // nil for KindStart
}

// Corr returns the correlation id of a command, reply or answer, else 0.
func (d Delivery) Corr() messages.Corr {
	if m, ok := d.Msg.(interface{ Correlation() messages.Corr }); ok {
		return m.Correlation()
	}
	return 0
}

// undeliverable takes a message whose receiver is gone. A command is
// answered, so that its asker gets its one reply; all else is dropped.
func undeliverable(to *endpoint, e envelope) {
	if e.kind == KindCommand {
		answerRestarted(to, Caller{Ref{e.from}, e.msg.(messages.Command).Correlation()})
	}
}

// answerRestarted answers a command on behalf of an actor that cannot.
func answerRestarted(from *endpoint, to Caller) {
	failed := messages.Failed{
		Answer: to.Answer(),
		Err:    messages.Errorf(messages.CodeRestarted, "%s was interrupted", from.role),
	}
	to.Ref.to.sink.accept(envelope{kind: KindReply, from: from, msg: failed})
}

// nobody is where messages to the zero Ref go.
func nobody() *endpoint {
	e := newEndpoint("nobody", "nobody", nil)
	e.sink = absent{&e}
	return &e
}

// absent is the sink of an endpoint with no actor.
type absent struct{ *endpoint }

func (a absent) accept(e envelope) { undeliverable(a.endpoint, e) }
