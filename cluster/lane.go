package cluster

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// laneKey names a lane.
type laneKey struct {
	to       messages.NodeID
	protocol messages.Protocol
}

// lane is the stream that this node's own packets of one protocol take to one
// peer, and their answers back.
type lane struct {
	laneKey
	queue *queue
	// Guarded by exchanges.mu:
	asks map[uint64]*ask
	// late counts the requests that were given up: so many answers may still
	// come that nobody waits for.
	late int
}

// lane returns the lane to a peer, which it begins if there is none; nil when
// there are too many. exchanges.mu is held.
func (x *exchanges) lane(to messages.NodeID, protocol messages.Protocol) *lane {
	key := laneKey{to, protocol}
	if l := x.lanes[key]; l != nil {
		return l
	}
	if len(x.lanes) >= x.bounds.LanesMax {
		return nil
	}
	l := &lane{laneKey: key, queue: newQueue(x.meter, key.to, x.bounds), asks: make(map[uint64]*ask)}
	x.lanes[key] = l
	x.wait.Go(func() { x.runLane(l) })
	return l
}

// cancel tells the other side that nobody waits for an answer any more.
// exchanges.mu is held.
func (l *lane) cancel(number uint64) {
	l.late++
	l.queue.push(frame{kind: frameCancel, number: number})
}

// runLane is a lane's life.
func (x *exchanges) runLane(l *lane) {
	stream := x.openLane(l)
	if stream == nil {
		x.endLane(l)
		return
	}
	broken := make(chan struct{})
	x.wait.Go(func() {
		defer close(broken)
		x.readAnswers(l, stream)
	})
	stop := context.AfterFunc(x.ended, func() { _ = stream.Reset() })
	defer stop()
	if x.writeLane(l, stream, broken) {
		_ = stream.CloseWrite() // the other side ends, and then our reader
		late := time.AfterFunc(x.bounds.FrameTimeout, func() { _ = stream.Reset() })
		<-broken
		late.Stop()
		_ = stream.Close()
		return
	}
	_ = stream.Reset()
	x.endLane(l)
	<-broken
}

// throughRelays is why libp2p may open our streams through a relay, too: it
// would not, since a circuit is bounded. What is lost when it ends is asked again.
const throughRelays = "a circuit may carry blocks"

// openLane dials the peer and opens the stream; nil if that fails.
func (x *exchanges) openLane(l *lane) network.Stream {
	ctx, cancel := context.WithTimeout(x.ended, x.bounds.DialTimeout)
	defer cancel()
	ctx = network.WithAllowLimitedConn(ctx, throughRelays)
	stream, err := x.host.NewStream(ctx, peerOf(l.to), protocol.ID(l.protocol))
	if err != nil {
		return nil
	}
	return stream
}

// writeLane writes until the lane has nothing more to do: true, and the lane is
// no more found by then. False: the stream broke.
func (x *exchanges) writeLane(l *lane, stream network.Stream, broken <-chan struct{}) bool {
	w := newWriter(l.queue, stream, x.up.share(x.ended, l.to, l.protocol), x.bounds)
	idle := time.NewTimer(x.bounds.IdleTimeout)
	defer idle.Stop()
	for {
		if err := w.drain(); err != nil {
			return false
		}
		idle.Reset(x.bounds.IdleTimeout)
		select {
		case <-l.queue.wake:
		case <-broken:
			return false
		case <-idle.C:
			if x.retire(l) {
				return true
			}
		}
	}
}

// retire takes a lane away that nothing is under way on.
func (x *exchanges) retire(l *lane) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	select {
	case <-l.queue.wake:
		l.queue.wake <- struct{}{}
		return false
	default:
	}
	if len(l.asks) > 0 {
		return false
	}
	delete(x.lanes, l.laneKey)
	l.queue.close()
	return true
}

// endLane takes a lane away that broke, or never came to be.
func (x *exchanges) endLane(l *lane) {
	x.mu.Lock()
	if x.lanes[l.laneKey] == l {
		delete(x.lanes, l.laneKey)
	}
	l.queue.close()
	var lost []*ask
	for _, a := range l.asks {
		if x.take(a) {
			lost = append(lost, a)
		}
	}
	x.mu.Unlock()
	for _, a := range lost {
		a.answer(messages.Packet{}, port.ErrUnreachable)
	}
}

// readAnswers reads what comes back, until the stream ends.
func (x *exchanges) readAnswers(l *lane, stream network.Stream) {
	r := x.frames(stream, l.to, l.protocol)
	for {
		f, held, err := x.nextFrame(r, time.Time{})
		if err != nil || !x.answered(l, f) {
			held.release()
			_ = stream.Reset()
			return
		}
		held.release()
	}
}

// answered takes in what came back; false if it is no answer to anything.
func (x *exchanges) answered(l *lane, f frame) bool {
	if f.kind != frameResponse && f.kind != frameRefusal {
		return false
	}
	x.mu.Lock()
	a := l.asks[f.number]
	if a == nil {
		l.late--
		known := l.late >= 0
		x.mu.Unlock()
		return known
	}
	x.take(a)
	x.mu.Unlock()
	if f.kind == frameRefusal {
		a.answer(messages.Packet{}, port.ErrUnreachable)
	} else {
		a.answer(f.packet, nil)
	}
	return true
}
