package port

import (
	"errors"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// Clock is an actor's time.
type Clock interface {
	Now() time.Time
	// After delivers due to the calling incarnation's Due, once, d from now.
	// A timer dies with its incarnation.
	After(d time.Duration, due any) Timer
}

// Timer is a pending [Clock.After].
type Timer interface {
	// Stop cancels; false if it has fired or was stopped.
	Stop() bool
}

// Rand is a stream of randomness for decisions that are no secret: one per
// actor incarnation, used by that actor alone. *math/rand/v2.Rand has it.
type Rand interface {
	Uint64() uint64
	IntN(n int) int
	Float64() float64
	Shuffle(n int, swap func(i, j int))
}

// Entropy is randomness for what is secret: keys, padding, generated
// blocks, the choice of randomizers. In production it is crypto/rand and
// nothing else (bulk bytes from AES-256-CTR under a fresh crypto/rand key).
// The seeded one exists only in sim. Safe for use from many goroutines.
type Entropy interface {
	// Fill overwrites p with random bytes. It cannot fail: a system without
	// entropy stops the process.
	Fill(p []byte)
	// Uint64N returns a uniform number below n, n > 0.
	Uint64N(n uint64) uint64
}

// ErrWorkPanicked is what WorkDone.Err wraps when the work panicked.
var ErrWorkPanicked = errors.New("workers: the work panicked")

// Workers runs CPU work (hash, XOR, seal, compress) off the actor. f owns
// its inputs and touches no actor state. WorkDone answers with f's result.
// In the simulation f runs at once and the answer comes after cost of
// virtual time; in production cost is ignored.
type Workers interface {
	Do(corr messages.Corr, cost time.Duration, f func() any)
}
