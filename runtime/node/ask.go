package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/noisefs/noisefs/messages"
)

const (
	// tidiesMax bounds the commands of tidy in flight, which do not wait for
	// a turn: one for each open stream, file, tree and walk is enough.
	tidiesMax = 4096
	// overloadWait is how long what opens something is asked for again when
	// too much is open, and overloadPause how long it waits in between: from
	// the shortest, doubled each time, to the longest.
	overloadWait     = time.Minute
	overloadPauseMin = 5 * time.Millisecond
	overloadPauseMax = 200 * time.Millisecond
)

// send waits for a turn and sends a command. done is called with its one
// reply and must not block. However many clients there are, no more than
// Config.AsksMax commands are in flight; the others wait in line.
func (l *Local) send(
	ctx context.Context, role string, make func(messages.Call) messages.Command,
	done func(messages.Reply),
) error {
	if err := l.takeTurn(ctx); err != nil {
		return err
	}
	_, err := l.gate.Send(l.ref(role), make, func(reply messages.Reply) {
		<-l.turns
		done(reply)
	})
	if err != nil {
		<-l.turns
	}
	return err
}

func (l *Local) takeTurn(ctx context.Context) error {
	select {
	case l.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return canceled(ctx)
	}
}

// ask sends a command through the gate and returns its reply as the fact it
// must be.
func ask[R messages.Reply](
	ctx context.Context, l *Local, role string, make func(messages.Call) messages.Command,
) (R, error) {
	var none R
	if err := l.takeTurn(ctx); err != nil {
		return none, err
	}
	reply, err := l.gate.Ask(ctx, l.ref(role), make)
	<-l.turns
	if err != nil {
		return none, err
	}
	fact, ok := reply.(R)
	if !ok {
		return none, messages.Errorf(messages.CodeInternal, "%s replied with %T", role, reply)
	}
	return fact, nil
}

// askToOpen is ask for a command that opens something of which only so much
// may be open. While too much is, it asks again, for up to overloadWait.
func askToOpen[R messages.Reply](
	ctx context.Context, l *Local, role string, make func(messages.Call) messages.Command,
) (R, error) {
	pause := overloadPauseMin
	for end := time.Now().Add(overloadWait); ; pause = min(2*pause, overloadPauseMax) {
		fact, err := ask[R](ctx, l, role, make)
		if !errors.Is(err, errOverload) || time.Now().After(end) {
			return fact, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fact, canceled(ctx)
		}
	}
}

// errOverload is what any refusal for too much at one time is.
var errOverload error = &messages.Error{Code: messages.CodeOverload}

// tidy is for what must be done even though the caller has gone away: closing
// streams, handles, walks. It does not wait for the reply.
func (l *Local) tidy(role string, make func(messages.Call) messages.Command) {
	_, _ = l.gate.Send(l.ref(role), make, func(messages.Reply) {})
}

// window keeps several commands in flight to one actor, and remembers the
// first failure.
type window struct {
	local  *Local
	role   string
	places chan struct{}

	mu    sync.Mutex
	first error
}

// newWindow makes a window of size places.
func (l *Local) newWindow(role string, size int) *window {
	return &window{local: l, role: role, places: make(chan struct{}, max(1, size))}
}

// send waits for a place in the window and sends. It returns the first
// failure of anything sent before.
func (w *window) send(ctx context.Context, make func(messages.Call) messages.Command) error {
	select {
	case w.places <- struct{}{}:
	case <-ctx.Done():
		return canceled(ctx)
	}
	if err := w.failure(); err != nil {
		<-w.places
		return err
	}
	err := w.local.send(ctx, w.role, make, func(reply messages.Reply) {
		if failed, ok := reply.(messages.Failed); ok {
			w.fail(failed.Err)
		}
		<-w.places
	})
	if err != nil {
		<-w.places
	}
	return err
}

// wait waits for all replies and returns the first failure.
func (w *window) wait(ctx context.Context) error {
	for range cap(w.places) {
		select {
		case w.places <- struct{}{}:
		case <-ctx.Done():
			return canceled(ctx)
		}
	}
	for range cap(w.places) {
		<-w.places
	}
	return w.failure()
}

func (w *window) fail(err *messages.Error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.first == nil {
		w.first = err
	}
}

func (w *window) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.first
}

func canceled(ctx context.Context) error {
	return &messages.Error{Code: messages.CodeCanceled, Text: "interrupted", Err: ctx.Err()}
}
