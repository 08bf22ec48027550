package scenario

import (
	"errors"
	"iter"
	"runtime/debug"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// errEnded unwinds a session that will not go on.
var errEnded = errors.New("scenario: the session has ended")

// Session is a client's work in straight lines. It is a coroutine of the
// client's actor: its methods may be called only by its own function.
type Session struct {
	client *Client
	awaits *Pending // what it waits for; nil: a time
	ended  bool

	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
}

func newSession(c *Client, f func(s *Session)) *Session {
	s := &Session{client: c}
	s.next, s.stop = iter.Pull(func(yield func(struct{}) bool) {
		s.yield = yield
		defer func() {
			value := recover()
			if err, ok := value.(error); ok && errors.Is(err, errEnded) {
				return
			}
			if value != nil { // a mistake in f: the stack would be lost on the way
				_ = c.house.broken("a session panicked: %v\n%s", value, debug.Stack())
			}
		}()
		f(s)
	})
	return s
}

// pause lets the event loop go on, until the client resumes the session.
func (s *Session) pause() {
	if !s.yield(struct{}{}) {
		panic(errEnded)
	}
}

// Broken notes a violation and ends the session.
func (s *Session) Broken(format string, args ...any) {
	_ = s.client.house.broken(format, args...)
	panic(errEnded)
}

// Sleep lets d of virtual time pass.
func (s *Session) Sleep(d time.Duration) {
	s.client.after(d, s)
	s.pause()
}

// Send sends a command, whose reply Wait returns.
func (s *Session) Send(role string, build shell.Make) *Pending {
	return s.client.send(s, role, build)
}

// Wait waits for a reply.
func (s *Session) Wait(p *Pending) (messages.Reply, *messages.Error) {
	if !p.Done() {
		s.awaits = p
		s.pause()
	}
	if failed, ok := p.reply.(messages.Failed); ok {
		return nil, failed.Err
	}
	return p.reply, nil
}

// Ask sends a command and waits for its reply.
func (s *Session) Ask(role string, build shell.Make) (messages.Reply, *messages.Error) {
	return s.Wait(s.Send(role, build))
}

// ask is Ask for a command whose reply is an R.
func ask[R messages.Reply](s *Session, role string, build shell.Make) (R, *messages.Error) {
	var none R
	reply, err := s.Ask(role, build)
	if err != nil {
		return none, err
	}
	fact, ok := reply.(R)
	if !ok {
		s.Broken("%s replied %T, want %T", role, reply, none)
	}
	return fact, nil
}
