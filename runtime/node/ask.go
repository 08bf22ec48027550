package node

import (
	"context"
	"sync"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// ask sends a command through the gate and returns its reply as the fact it
// must be.
func ask[R messages.Reply](
	ctx context.Context, l *Local, role string, make func(messages.Call) messages.Command,
) (R, error) {
	var none R
	reply, err := l.gate.Ask(ctx, l.ref(role), make)
	if err != nil {
		return none, err
	}
	fact, ok := reply.(R)
	if !ok {
		return none, messages.Errorf(messages.CodeInternal, "%s replied with %T", role, reply)
	}
	return fact, nil
}

// tidy is for what must be done even though the caller has gone away: closing
// streams, handles, walks. It does not wait for the reply.
func (l *Local) tidy(role string, make func(messages.Call) messages.Command) {
	_, _ = l.gate.Send(l.ref(role), make, func(messages.Reply) {})
}

// window keeps several commands in flight to one actor, and remembers the
// first failure.
type window struct {
	local  *Local
	to     shell.Ref
	places chan struct{}

	mu    sync.Mutex
	first error
}

// newWindow makes a window of size places.
func (l *Local) newWindow(role string, size int) *window {
	return &window{local: l, to: l.ref(role), places: make(chan struct{}, max(1, size))}
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
	_, err := w.local.gate.Send(w.to, make, func(reply messages.Reply) {
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
