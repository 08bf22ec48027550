package store

import (
	"time"

	"github.com/noisefs/noisefs/messages"
)

// job is long work of the store, as a state machine without I/O: it is told
// answers and returns what to do next.
type job interface {
	// step takes in the answer to an effect that the job asked for, with
	// that effect's tag; nil and nil start the job.
	step(answer, tag any) []effect
	// written tells of blocks that are being put while the job runs, or that
	// are needed from now on.
	written(cids []messages.CID)
	// cancel makes the job end early, with CodeCanceled, at its next step.
	cancel()
	// progress returns the phase, and how much of it is done.
	progress() (phase string, done, total int64)
}

// canceled is how a job fails that nobody waits for any more.
func canceled() *messages.Error {
	return messages.Errorf(messages.CodeCanceled, "canceled before the end")
}

// effect is what a job asks the actor to do: one of the types below. Each is
// answered at step by exactly one message, but forget and finish by none.
type effect any

type (
	// ask sends a command to a sibling. Answered by its reply.
	ask struct {
		to      string
		command func(messages.Call) messages.Command
		tag     any
	}
	// look asks the engine for its usage: messages.BlocksUsage.
	look struct{}
	// list asks for a page of stored blocks: messages.BlocksListed.
	list struct{ after messages.CID }
	// get reads blocks with their checksums: messages.BlocksGot.
	get struct {
		cids []messages.CID
		tag  any
	}
	// work runs off the actor: messages.WorkDone.
	work struct {
		cost time.Duration
		run  func() any
		tag  any
	}
	// remove deletes blocks, unless still says no when nobody else works on
	// them: removed.
	remove struct {
		cids  []messages.CID
		still func(messages.CID) bool
	}
	// disown writes that blocks are not mine any more and held for the
	// network alone, unless still says no: removed.
	disown struct {
		cids  []messages.CID
		still func(messages.CID) bool
	}
	// compact rewrites one segment: messages.BlocksCompacted.
	compact struct{}
	// forget tells who keeps blocks in memory that they are gone.
	forget struct{ cids []messages.CID }
	// finish answers the command that started the job; err, or reply.
	finish struct {
		reply func(messages.Answer) messages.Reply
		err   *messages.Error
	}
)

// removed answers remove and disown with the blocks that are not mine any
// more. After an error some of them may be.
type removed struct {
	cids []messages.CID
	err  *messages.Error
}

// listPage is how many CIDs a job lists at a time. RetireBlocks takes as
// many.
const listPage = 4096
