package porttest

import (
	"sync"
	"testing"

	"github.com/noisefs/noisefs/messages"
)

// Await lets time pass, real or virtual, until done reports true. It fails
// the test when that will not happen.
type Await func(tb testing.TB, done func() bool)

// inbox collects what a port delivers, as an actor's incarnation would.
type inbox struct {
	await Await

	mu    sync.Mutex
	heard []any
}

func (b *inbox) deliver(msg any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = append(b.heard, msg)
}

func (b *inbox) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.heard)
}

// next waits for one message and removes it.
func (b *inbox) next(tb testing.TB) any {
	tb.Helper()
	b.await(tb, func() bool { return b.count() > 0 })
	b.mu.Lock()
	defer b.mu.Unlock()
	msg := b.heard[0]
	b.heard = b.heard[1:]
	return msg
}

// all waits for n answers and returns them by correlation id. Two answers to
// one call fail the test.
func (b *inbox) all(tb testing.TB, n int) map[messages.Corr]any {
	tb.Helper()
	answers := make(map[messages.Corr]any, n)
	for range n {
		answer := b.next(tb)
		reply, ok := answer.(messages.Reply)
		if !ok {
			tb.Fatalf("got a %T, which answers nothing", answer)
		}
		if _, twice := answers[reply.Correlation()]; twice {
			tb.Fatalf("two answers to call %d", reply.Correlation())
		}
		answers[reply.Correlation()] = answer
	}
	if left := b.count(); left != 0 {
		tb.Fatalf("%d answers too many", left)
	}
	return answers
}

// answerAs waits for one answer, which must be a T that carries corr.
func answerAs[T messages.Reply](tb testing.TB, b *inbox, corr messages.Corr) T {
	tb.Helper()
	msg := b.next(tb)
	answer, ok := msg.(T)
	if !ok {
		tb.Fatalf("got a %T, want a %T", msg, answer)
	}
	if answer.Correlation() != corr {
		tb.Fatalf("answer to call %d, want %d", answer.Correlation(), corr)
	}
	return answer
}
