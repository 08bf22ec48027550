package store

import (
	"errors"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// served counts what became of the requests of others since the start.
type served struct {
	blocks, absent, busy, malformed, rotten uint64
}

// servedDue is the timer that ends a batch of BlocksServed.
type servedDue struct{}

// onPacket answers a request of another node for a block. What is not held
// for the network is absent, whether it is stored or not: that is decided
// from memory, in the same steps and with the same bytes, so that nobody can
// ask around who has what.
func (a *actor) onPacket(ctx shell.Ctx, m messages.PacketReceived) {
	request, err := wire.DecodeBlockRequest(m.Packet.Head)
	switch {
	case m.Exchange == 0, err != nil, len(m.Packet.Blocks) > 0:
		a.served.malformed++
	case !a.loading.done():
		a.served.busy++
		a.respond(m.Exchange, wire.BlockBusy, nil)
	case !a.cfg.ServeAll && !a.kept.serves(request.CID):
		a.served.absent++
		a.respond(m.Exchange, wire.BlockAbsent, nil)
	case request.Presence && a.kept.serves(request.CID):
		a.respond(m.Exchange, wire.BlockHeld, nil)
	case a.serving >= a.cfg.ServesMax, a.net.Backlog() > a.backlogMax(request.Urgency):
		a.served.busy++
		a.respond(m.Exchange, wire.BlockBusy, nil)
	case request.Presence:
		a.tellPresence(ctx, m.Exchange, request.CID)
	default:
		a.serve(ctx, m.Exchange, request.CID)
	}
}

// tellPresence says whether a block is stored, to a network that may know.
func (a *actor) tellPresence(ctx shell.Ctx, exchange messages.Exchange, cid messages.CID) {
	a.serving++
	corr := a.expect(ctx, func(_ shell.Ctx, answer any) {
		status := wire.BlockAbsent
		if answer.(messages.BlocksHad).Has[0] {
			status = wire.BlockHeld
		}
		a.respond(exchange, status, nil)
		a.serving--
	})
	a.blocks.Has(corr, []messages.CID{cid})
}

// backlogMax is how far behind this node may be to take on a request. What
// nobody waits for gives way first.
func (a *actor) backlogMax(urgency messages.Urgency) time.Duration {
	return a.cfg.BacklogMax >> urgency
}

func (a *actor) serve(ctx shell.Ctx, exchange messages.Exchange, cid messages.CID) {
	a.serving++
	corr := a.expect(ctx, func(ctx shell.Ctx, answer any) {
		got := answer.(messages.BlocksGot)
		if got.Errs == nil || got.Errs[0] == nil {
			a.respond(exchange, wire.BlockServed, [][]byte{got.Blocks[0].Data})
			a.serving--
			a.countServed(ctx, cid)
			return
		}
		if a.kept.serves(cid) || !errors.Is(got.Errs[0], port.ErrBlockNotFound) {
			a.rotten(ctx, cid)
		}
		a.served.absent++
		a.respond(exchange, wire.BlockAbsent, nil)
		a.serving--
	})
	a.blocks.Get(corr, []messages.CID{cid}, true)
}

// rotten tells of a replica that cannot be read, so that it is had anew.
func (a *actor) rotten(ctx shell.Ctx, cid messages.CID) {
	a.served.rotten++
	if a.cfg.Network {
		ctx.Tell(a.sibling("replication"), messages.ReplicasRotten{CIDs: []messages.CID{cid}})
	}
}

// respond answers a request. One that is not being served counts in the load
// as if it were.
func (a *actor) respond(exchange messages.Exchange, status wire.BlockStatus, blocks [][]byte) {
	load := uint32(a.serving)
	if status != wire.BlockServed {
		load++
	}
	a.net.Respond(exchange, messages.Packet{
		Head: wire.BlockResponse{
			Status: status, Load: load, Wait: a.net.Backlog(),
		}.Append(nil),
		Blocks: blocks,
	})
}

// countServed tells the popularity what was served, in batches.
func (a *actor) countServed(ctx shell.Ctx, cid messages.CID) {
	a.served.blocks++
	if !a.cfg.Network {
		return
	}
	a.servedCIDs = append(a.servedCIDs, cid)
	switch {
	case len(a.servedCIDs) >= a.cfg.ServedBatch:
		a.tellServed(ctx)
	case !a.servedTimer:
		a.servedTimer = true
		a.clock.After(a.cfg.ServedDelay, servedDue{})
	}
}

func (a *actor) tellServed(ctx shell.Ctx) {
	if len(a.servedCIDs) > 0 {
		ctx.Tell(a.sibling("popularity"), messages.BlocksServed{CIDs: a.servedCIDs})
		a.servedCIDs = nil
	}
}
