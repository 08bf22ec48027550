package drive

import (
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
)

// decodeCost is what decoding a node costs in the simulation.
const decodeCost = 100 * time.Microsecond

// nodeReader reads nodes, a bounded number at one time.
type nodeReader struct {
	waiting map[messages.BlockRef]*nodeWait
	queue   []messages.BlockRef // not asked for yet
	asked   int
}

// nodeWait is a node that somebody waits for.
type nodeWait struct {
	attempts int
	stale    bool // its blocks were forgotten since it was asked for
	then     []func(shell.Ctx, nodeRead)
}

// readNode reads, opens and decodes a node; those who want one at the same
// time share the work.
func (a *actor) readNode(ctx shell.Ctx, ref messages.BlockRef, then func(shell.Ctx, nodeRead)) {
	if w := a.nodes.waiting[ref]; w != nil {
		w.then = append(w.then, then)
		return
	}
	a.nodes.waiting[ref] = &nodeWait{then: []func(shell.Ctx, nodeRead){then}}
	a.nodes.queue = append(a.nodes.queue, ref)
	a.askForNodes(ctx)
}

func (a *actor) askForNodes(ctx shell.Ctx) {
	for len(a.nodes.queue) > 0 && a.nodes.asked < a.cfg.NodeReadsMax {
		ref := a.nodes.queue[0]
		a.nodes.queue = a.nodes.queue[1:]
		a.askForNode(ctx, ref)
	}
}

func (a *actor) askForNode(ctx shell.Ctx, ref messages.BlockRef) {
	a.nodes.asked++
	a.ask(ctx, a.reader, func(call messages.Call) messages.Command {
		return messages.UnsealBlock{Call: call, Ref: ref, Kind: messages.KindNode}
	}, func(ctx shell.Ctx, reply messages.Reply, err *messages.Error) {
		w := a.nodes.waiting[ref]
		if w.attempts++; err != nil && err.Code == messages.CodeRestarted && w.attempts < attemptsMax {
			a.nodes.asked--
			a.askForNode(ctx, ref)
			return
		}
		if err != nil {
			a.nodeRead(ctx, ref, nodeRead{err: err})
			return
		}
		a.decode(ctx, ref, reply.(messages.BlockUnsealed).Data)
	})
}

// decode decodes a node off the actor: a full one takes milliseconds.
func (a *actor) decode(ctx shell.Ctx, ref messages.BlockRef, data []byte) {
	p, corr := a.p, ctx.NextCorr()
	a.pending[corr] = func(ctx shell.Ctx, reply messages.Reply) {
		done := reply.(messages.WorkDone)
		if done.Err != nil {
			a.nodeRead(ctx, ref, nodeRead{err: asError(done.Err)})
			return
		}
		a.nodeRead(ctx, ref, done.Result.(nodeRead))
	}
	a.env.Workers.Do(corr, decodeCost, func() any {
		node, err := format.DecodeNode(p, ref.Level, data)
		if err != nil {
			return nodeRead{err: corrupt(err)}
		}
		return nodeRead{node: node}
	})
}

// nodeRead tells those who wait what came of a node.
func (a *actor) nodeRead(ctx shell.Ctx, ref messages.BlockRef, read nodeRead) {
	w := a.nodes.waiting[ref]
	a.nodes.asked--
	if w.stale && read.err == nil {
		w.stale = false // it may be there no more
		a.askForNode(ctx, ref)
		return
	}
	delete(a.nodes.waiting, ref)
	if read.err == nil {
		a.memory.nodes.put(ref, read.node)
	}
	for _, then := range w.then {
		then(ctx, read)
	}
	a.askForNodes(ctx)
}

// forgetBlocks drops the nodes whose blocks are gone, and has those read
// again that are being read: an import that finds its root here must not
// make a name for what the collector has just deleted.
func (a *actor) forgetBlocks(m messages.ForgetBlocks) {
	gone := make(map[messages.CID]bool, len(m.CIDs))
	for _, cid := range m.CIDs {
		gone[cid] = true
	}
	isGone := func(ref messages.BlockRef) bool {
		return m.All || gone[ref.D] || gone[ref.A] || gone[ref.B]
	}
	a.memory.nodes.dropAll(isGone)
	for ref, w := range a.nodes.waiting { // the order makes no difference
		w.stale = w.stale || isGone(ref)
	}
}
