package shell

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/noisefs/noisefs/messages"
)

// Errors of the shell.
var (
	// ErrNodeFailed: an actor panicked more often than its policy allows.
	ErrNodeFailed = errors.New("shell: node failed")
	// errChildFailed is what a parent panics with when a child of it panics
	// more often than the policy allows.
	errChildFailed = errors.New("shell: a child panicked too often")
)

// panicFramesMax bounds how much of the stack a [Panic] keeps.
const panicFramesMax = 16

// Policy says how often an actor may panic and still be restarted.
type Policy struct {
	// Intensity is the number of panics within Period that is survived; one
	// more and the node fails. 0 means that the first panic fails the node.
	Intensity int
	// Period is counted in Options.Now.
	Period time.Duration
}

// Panic describes a panic of an actor.
type Panic struct {
	Actor       Ref
	Incarnation uint64
	Message     string   // the type of the message being handled; "" in Start
	Text        string   // safe to log: a runtime error, or else the value's type
	At          []string // function:line, innermost first; without arguments
	Value       any      // what was passed to panic: not safe to log
}

// failure is the reason that goes through Proto.Actor to the supervisor.
type failure struct{ cell *cell }

// strategy decides for the children of one parent. parent is nil at the top
// of the node. It runs on the parent's goroutine.
type strategy struct {
	node   *Node
	parent *cell
}

var _ actor.SupervisorStrategy = (*strategy)(nil)

// HandleFailure implements [actor.SupervisorStrategy].
func (s *strategy) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor,
	child *actor.PID, _ *actor.RestartStatistics, reason, _ any,
) {
	failed := reason.(*failure).cell
	switch {
	case s.parent == nil && s.node.ending:
		supervisor.StopChildren(child)
	case s.parent != nil && s.parent.life == nil:
		// The parent has panicked too, and its restart ends its children.
		supervisor.StopChildren(child)
	case failed.mayRestart():
		failed.stats.restarts.Add(1)
		supervisor.RestartChildren(child)
	case s.parent == nil:
		s.node.fail(failed)
	default:
		// The parent fails with its child: its restart makes both anew.
		panic(errChildFailed)
	}
}

// mayRestart counts a panic. Only the supervisor calls it.
func (c *cell) mayRestart() bool {
	now := c.node.system.options.Now()
	recent := c.failures[:0]
	for _, t := range c.failures {
		if now.Sub(t) < c.policy.Period {
			recent = append(recent, t)
		}
	}
	c.failures = append(recent, now)
	return len(c.failures) <= c.policy.Intensity
}

// describe makes the report of a panic; called while it is recovered.
func (c *cell) describe(value any, e envelope) Panic {
	p := Panic{Actor: Ref{&c.endpoint}, Incarnation: c.lives, Value: value}
	if e.msg != nil {
		p.Message = fmt.Sprintf("%T", e.msg)
	}
	p.Text, p.At = DescribePanic(value)
	return p
}

// DescribePanic tells what a recovered panic was and where it came from,
// innermost first, in words that are safe to log. It is called by the
// deferred function that recovered it.
func DescribePanic(value any) (text string, at []string) {
	return safeText(value), panicFrames()
}

// safeText returns what may be logged of a panic's value. Text made by hand
// might quote a name or a key, so only the runtime's own errors, and those
// that are free of secrets by contract, are quoted.
func safeText(value any) string {
	err, ok := value.(error)
	if !ok {
		return fmt.Sprintf("%T", value)
	}
	var ours *messages.Error
	var runtimeErr runtime.Error
	if errors.As(err, &runtimeErr) {
		return runtimeErr.Error()
	}
	if errors.As(err, &ours) {
		return ours.Error()
	}
	if errors.Is(err, errChildFailed) {
		return err.Error()
	}
	return fmt.Sprintf("%T", value)
}

// panicFrames lists where the panic came from. A stack trace would print
// arguments, and an array passed by value (a key) with them.
func panicFrames() []string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	var at []string
	panicking := false
	for len(at) < panicFramesMax {
		frame, more := frames.Next()
		switch name := frame.Function; {
		case name == "runtime.gopanic" || name == "runtime.sigpanic":
			panicking, at = true, at[:0] // what came before recovered it
		case !panicking || strings.HasPrefix(name, "runtime."):
		case strings.Contains(name, "runtime/shell.(*cell)."):
			return at // from here on, the shell and Proto.Actor
		default:
			at = append(at, fmt.Sprintf("%s:%d", name, frame.Line))
		}
		if !more {
			break
		}
	}
	return at
}

// guardian stands above all nodes. A node's supervisor has no code of its
// own to panic in, so what arrives here is a bug of the shell.
type guardian struct{}

func (*guardian) HandleFailure(_ *actor.ActorSystem, supervisor actor.Supervisor,
	child *actor.PID, _ *actor.RestartStatistics, _, _ any,
) {
	supervisor.StopChildren(child)
}
