package shell

import (
	"sort"

	"github.com/noisefs/noisefs/messages"
)

// Ports makes the ports of an actor's incarnation. Production and simulation
// each have one per node.
type Ports interface {
	// Open makes the Env of a new incarnation, on the actor's goroutine.
	// Answers and timers are delivered through life. Sibling is filled in by
	// the shell, and so is Log if it is nil.
	Open(life *Incarnation) *Env
	// Close tells that the incarnation has ended: its timers can be stopped.
	// Whatever is still delivered for it is dropped. Called once per Open,
	// on the actor's goroutine.
	Close(life *Incarnation)
}

// Incarnation is one life of an actor: from its start to the panic, restart
// or stop that ends it.
type Incarnation struct {
	node   string
	number uint64
	cell   *cell

	behaviour Behaviour
	handling  bool          // a call of the behaviour is under way
	firstCorr messages.Corr // the last one of earlier lives

	// caller asked the command being handled, and callerOpen tells that it
	// has no reply yet. Most commands are answered at once and never enter
	// open, which has the rest: caller → order of arrival.
	caller     Caller
	callerOpen bool
	open       map[Caller]uint64
	arrivals   uint64

	children map[string]*cell // by name; those told to stop are not here
}

// Node returns the name of the node.
func (l *Incarnation) Node() string { return l.node }

// Path returns the actor's path, for example "n0042/store".
func (l *Incarnation) Path() string { return l.cell.path }

// Role returns the actor's role in the tree.
func (l *Incarnation) Role() string { return l.cell.role }

// Number counts the incarnations of this actor from 1.
func (l *Incarnation) Number() uint64 { return l.number }

// Answer delivers a port's answer to the incarnation's Receive, or drops it
// when the incarnation has ended. It never blocks; any goroutine may call it.
func (l *Incarnation) Answer(answer any) {
	l.cell.accept(envelope{kind: KindAnswer, life: l, msg: answer})
}

// Due delivers a timer to the incarnation's Due; otherwise it is as Answer.
func (l *Incarnation) Due(due any) {
	l.cell.accept(envelope{kind: KindDue, life: l, msg: due})
}

// admit notes a command that is about to be handled. False: its Corr is
// already in use by a command of the same asker.
func (l *Incarnation) admit(caller Caller) bool {
	if _, taken := l.open[caller]; taken {
		return false
	}
	l.caller, l.callerOpen = caller, true
	return true
}

// handled ends the handling of one message: a command that was not answered
// stays open.
func (l *Incarnation) handled() {
	if l.callerOpen {
		if l.open == nil {
			l.open = make(map[Caller]uint64)
		}
		l.arrivals++
		l.open[l.caller] = l.arrivals
	}
	l.caller, l.callerOpen = Caller{}, false
}

// strike notes a reply; false if the command is not open.
func (l *Incarnation) strike(to Caller) bool {
	if l.callerOpen && l.caller == to {
		l.callerOpen = false
		return true
	}
	if _, ok := l.open[to]; !ok {
		return false
	}
	delete(l.open, to)
	return true
}

// stillOpen returns the callers without a reply in order of arrival, and
// forgets them.
func (l *Incarnation) stillOpen() []Caller {
	l.handled()
	callers := make([]Caller, 0, len(l.open))
	for caller := range l.open {
		callers = append(callers, caller)
	}
	sort.Slice(callers, func(i, j int) bool { return l.open[callers[i]] < l.open[callers[j]] })
	l.open = nil
	return callers
}
