package shell

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

var _ actor.Mailbox = (*mailbox)(nil)

// mailbox is the queue before an actor, and what runs the actor: at most one
// slice of it at a time is with the dispatcher.
//
// It differs from Proto.Actor's in four ways. It returns to the dispatcher
// after Throughput messages, so that a simulation may interleave actors
// message by message. It is told when its actor stops, and what is left in
// it, or comes later, is undeliverable rather than lost. It may be posted to
// before the actor was spawned. And it takes no lock where everything runs
// on one goroutine.
type mailbox struct {
	owner  mailboxOwner
	shared bool // posted to from several goroutines

	mu         sync.Mutex // guards the rest, if shared
	lifecycle  queue[any] // Proto.Actor's system messages; they go first
	queue      queue[envelope]
	started    bool // Proto.Actor has posted the first system message
	scheduled  bool // a slice is with the dispatcher or running
	suspended  bool // after a panic, until the restart
	closed     bool // the actor has stopped or is stopping
	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher

	slice   func()   // m.run, bound once
	current envelope // the message being handled; only the running slice touches it
}

// mailboxOwner is the actor behind a mailbox.
type mailboxOwner interface {
	// panicked ends the incarnation and returns the reason to escalate, or
	// nil if the actor is stopping anyway.
	panicked(value any, e envelope) *failure
}

func (m *mailbox) init(owner mailboxOwner, shared bool) {
	m.owner, m.shared = owner, shared
	m.slice = m.run
}

func (m *mailbox) lock() {
	if m.shared {
		m.mu.Lock()
	}
}

func (m *mailbox) unlock() {
	if m.shared {
		m.mu.Unlock()
	}
}

// post queues a message. It returns false, and does nothing, once the
// mailbox is closed.
func (m *mailbox) post(e envelope) bool {
	m.lock()
	if m.closed {
		m.unlock()
		return false
	}
	m.queue.push(e)
	wake := m.started && !m.scheduled && !m.suspended
	if wake {
		m.scheduled = true
	}
	m.unlock()
	if wake {
		m.dispatcher.Schedule(m.slice)
	}
	return true
}

// close refuses everything from now on, and returns what was still queued.
func (m *mailbox) close() []envelope {
	m.lock()
	defer m.unlock()
	m.closed = true
	var rest []envelope
	for m.queue.count > 0 {
		rest = append(rest, m.queue.pop())
	}
	return rest
}

// PostUserMessage is how Proto.Actor would send to a PID. Nobody does: all
// messages go through Ref.
func (m *mailbox) PostUserMessage(any) {
	panic("shell: a message was sent around the shell")
}

// PostSystemMessage implements [actor.Mailbox].
func (m *mailbox) PostSystemMessage(message any) {
	m.lock()
	m.started = true
	m.lifecycle.push(message)
	wake := !m.scheduled
	m.scheduled = true
	m.unlock()
	if wake {
		m.dispatcher.Schedule(m.slice)
	}
}

// RegisterHandlers implements [actor.Mailbox].
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.lock()
	defer m.unlock()
	m.invoker, m.dispatcher = invoker, dispatcher
}

// Start implements [actor.Mailbox].
func (m *mailbox) Start() {}

// UserMessageCount implements [actor.Mailbox].
func (m *mailbox) UserMessageCount() int {
	m.lock()
	defer m.unlock()
	return m.queue.count
}

// run handles messages until there are none, or its throughput is used up.
func (m *mailbox) run() {
	for n := m.dispatcher.Throughput(); n > 0; n-- {
		if !m.step() {
			return
		}
	}
	m.dispatcher.Schedule(m.slice) // still scheduled: nobody else does it
}

// step handles one message; false when there is none.
func (m *mailbox) step() bool {
	m.lock()
	switch {
	case m.lifecycle.count > 0:
		message := m.lifecycle.pop()
		switch message.(type) {
		case *actor.SuspendMailbox:
			m.suspended = true
			message = nil
		case *actor.ResumeMailbox:
			m.suspended = false
			message = nil
		}
		m.unlock()
		if message != nil {
			m.invokeLifecycle(message)
		}
		return true
	case m.suspended || m.queue.count == 0:
		m.scheduled = false
		m.unlock()
		return false
	}
	m.current = m.queue.pop()
	m.unlock()
	m.invoke()
	return true
}

// invoke hands the current message to the actor. Proto.Actor gets a pointer
// to it, which costs no allocation.
func (m *mailbox) invoke() {
	defer m.rescue()
	m.invoker.InvokeUserMessage(&m.current)
	m.current = envelope{}
}

func (m *mailbox) invokeLifecycle(message any) {
	defer m.rescue()
	m.invoker.InvokeSystemMessage(message)
}

// rescue turns a panic into a failure that the supervisor decides about.
func (m *mailbox) rescue() {
	value := recover()
	if value == nil {
		return
	}
	e := m.current
	m.current = envelope{}
	if reason := m.owner.panicked(value, e); reason != nil {
		m.invoker.EscalateFailure(reason, nil)
	}
}
