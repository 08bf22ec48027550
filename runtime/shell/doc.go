// Package shell is the thin layer between our behaviours and Proto.Actor.
//
// An actor of NoiseFS is a [Behaviour]: a value that is told messages and
// timers, one at a time, and acts only through its [Ctx] and the ports of
// its [Env]. What an actor must not do (block, read the clock, draw global
// randomness, start goroutines, reach Proto.Actor) is not within its reach.
//
// # What the shell keeps
//
//   - Incarnations. A restart makes a new Behaviour with a new Env. Timers,
//     port answers and replies meant for an earlier incarnation are dropped.
//   - One reply per command. The shell records each command as it is
//     delivered and strikes it off when it is answered. When the incarnation
//     ends, by panic, restart or stop, what is still open is answered
//     [messages.Failed] with CodeRestarted. A command to an actor that is
//     not there is answered the same way. A second reply is a bug and
//     panics.
//   - Order. Messages from one sender to one receiver arrive in order.
//   - Panics. A panic drops the message that caused it, keeps the queue, and
//     restarts the actor under its supervisor's intensity and period, which
//     are counted in the Clock's time. Expected failures are replies; only
//     bugs and lost invariants panic. [Stopper] is not called after a
//     panic, since what the actor remembers cannot be trusted. Over the
//     intensity a child fails its parent, and an actor of the tree its node.
//   - Secrets. Reports of panics name types, functions and lines; the value
//     that was passed to panic, and the message, are never printed.
//
// # From outside
//
// Goroutines that are not actors ask through a [Gate]. It bounds what is in
// flight, turns [messages.Failed] into its error, and lets a caller give up.
//
// # Two grounds
//
// A [System] runs actors on goroutines, or on a [Dispatcher] of one
// goroutine that draws which actor handles the next message. Nothing else
// differs: mailboxes, incarnations, supervision and ports are the same code.
package shell
