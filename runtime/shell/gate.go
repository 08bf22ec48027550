package shell

import (
	"context"
	"sync"

	"github.com/noisefs/noisefs/messages"
)

// InFlightMaxDefault is how many commands a [Gate] has in flight at most
// unless it is told otherwise.
const InFlightMaxDefault = 4096

// Make makes a command that carries the given call.
type Make func(call messages.Call) messages.Command

var _ sink = (*Gate)(nil)

// Gate lets goroutines that are not actors (an API request, a FUSE call, a
// command line) ask actors. All methods may be called from any goroutine.
type Gate struct {
	endpoint
	system      *System
	inFlightMax int

	mu       sync.Mutex
	lastCorr messages.Corr
	waiting  map[messages.Corr]func(messages.Reply)
}

// NewGate makes a gate. name stands for its callers in traces and drawings,
// for example "api". inFlightMax bounds the commands in flight; 0 means
// [InFlightMaxDefault].
func (s *System) NewGate(name string, inFlightMax int) *Gate {
	if inFlightMax <= 0 {
		inFlightMax = InFlightMaxDefault
	}
	g := &Gate{system: s, inFlightMax: inFlightMax}
	g.endpoint = newEndpoint(name, name, g)
	g.waiting = make(map[messages.Corr]func(messages.Reply))
	return g
}

// Ask sends a command and waits for its reply. messages.Failed comes back as
// its *messages.Error. When ctx ends first, the error is CodeCanceled and
// wraps ctx's; the command may still be done, and its reply is dropped. Over
// the bound on commands in flight nothing is sent, and the error is
// CodeOverload.
func (g *Gate) Ask(ctx context.Context, to Ref, build Make) (messages.Reply, error) {
	if err := ctx.Err(); err != nil {
		return nil, canceled(err)
	}
	replies := make(chan messages.Reply, 1)
	corr, err := g.Send(to, build, func(reply messages.Reply) { replies <- reply })
	if err != nil {
		return nil, err
	}
	select {
	case reply := <-replies:
		return Result(reply)
	case <-ctx.Done():
		g.Abandon(corr)
		return nil, canceled(ctx.Err())
	}
}

// Send sends a command and returns. done is called with its one reply, on
// the goroutine of the actor that replies: it must not block, and hands on
// what takes time. done may be called before Send returns. Over the bound on
// commands in flight nothing is sent, and the error is CodeOverload.
func (g *Gate) Send(to Ref, build Make, done func(messages.Reply)) (messages.Corr, error) {
	g.mu.Lock()
	if len(g.waiting) >= g.inFlightMax {
		g.mu.Unlock()
		return 0, messages.Errorf(messages.CodeOverload,
			"%s has %d commands in flight already", g.role, g.inFlightMax)
	}
	g.lastCorr++
	corr := g.lastCorr
	g.waiting[corr] = done
	g.mu.Unlock()

	receiver := to.to
	if receiver == nil {
		receiver = g.system.nobody
	}
	command := build(messages.Call{Corr: corr})
	receiver.sink.accept(envelope{kind: KindCommand, from: &g.endpoint, msg: command})
	return corr, nil
}

// Abandon gives up waiting for the reply to a command: done will not be
// called. False if it has been, or is being called.
func (g *Gate) Abandon(corr messages.Corr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, waits := g.waiting[corr]
	delete(g.waiting, corr)
	return waits
}

// InFlight returns the number of commands without a reply.
func (g *Gate) InFlight() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

// accept implements [sink]: replies arrive here.
func (g *Gate) accept(e envelope) {
	reply, ok := e.msg.(messages.Reply)
	if !ok || e.kind != KindReply {
		undeliverable(&g.endpoint, e) // an actor asked the gate, or told it something
		return
	}
	g.mu.Lock()
	done, waits := g.waiting[reply.Correlation()]
	delete(g.waiting, reply.Correlation())
	g.mu.Unlock()
	if !waits {
		return // abandoned
	}
	if before := g.system.options.Before; before != nil {
		before(Delivery{Kind: KindReply, From: Ref{e.from}, To: Ref{&g.endpoint}, Msg: e.msg})
	}
	done(reply)
}

// Result splits a reply into the fact and the failure: [messages.Failed]
// becomes its *messages.Error.
func Result(reply messages.Reply) (messages.Reply, error) {
	if failed, ok := reply.(messages.Failed); ok {
		if failed.Err == nil {
			failed.Err = messages.Errorf(messages.CodeInternal, "failed without an error")
		}
		return nil, failed.Err
	}
	return reply, nil
}

func canceled(err error) error {
	return &messages.Error{Code: messages.CodeCanceled, Text: "gave up waiting", Err: err}
}
