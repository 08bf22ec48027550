package cluster

import (
	"bufio"
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"golang.org/x/time/rate"

	"github.com/noisefs/noisefs/messages"
)

// inbound is a stream that a peer opened, for what it asks.
type inbound struct {
	from     messages.NodeID
	protocol messages.Protocol
	stream   network.Stream
	queue    *queue
	sends    *rate.Limiter
	ended    context.Context // with the stream, or with the node
	end      context.CancelFunc
	fewer    chan struct{} // has one when a request was answered

	open map[uint64]*service // guarded by exchanges.mu
}

// service is a request of a peer that awaits a response.
type service struct {
	exchange messages.Exchange
	number   uint64 // the peer's own
	stream   *inbound
	port     *Port
	canceled bool // nobody waits for the response
	timer    *time.Timer
	held     *hold
}

// hold is memory that a peer's request takes until it is answered.
type hold struct {
	scope network.ResourceScope
	bytes int
}

// release gives the memory back, once.
func (h *hold) release() {
	if h.bytes > 0 {
		h.scope.ReleaseMemory(h.bytes)
		h.bytes = 0
	}
}

// frames reads the frames of a stream, no faster than this node may receive.
type frames struct {
	*bufio.Reader
	shaped *shapedReader
	scope  network.ResourceScope
}

// nextFrame reads a frame. It may begin until idle, if that is set, and has
// FrameTimeout from then on.
func (x *exchanges) nextFrame(r *frames, idle time.Time) (f frame, held *hold, err error) {
	held = &hold{scope: r.scope}
	if r.Buffered() == 0 {
		if err := r.shaped.until(idle); err != nil {
			return frame{}, held, err
		}
		if _, err := r.Peek(1); err != nil {
			return frame{}, held, err
		}
	}
	if err := r.shaped.until(time.Now().Add(x.bounds.FrameTimeout)); err != nil {
		return frame{}, held, err
	}
	f, err = readFrame(r.Reader, x.bounds.BlockBytesMax, func(bytes int) error {
		if err := held.scope.ReserveMemory(bytes, network.ReservationPriorityAlways); err != nil {
			return err
		}
		held.bytes = bytes
		return nil
	})
	return f, held, err
}

func (x *exchanges) frames(
	stream network.Stream, from messages.NodeID, protocol messages.Protocol,
) *frames {
	shaped := &shapedReader{stream: stream, share: x.down.share(x.ended, from, protocol)}
	return &frames{bufio.NewReaderSize(shaped, pieceBytes), shaped, stream.Scope()}
}

// accept serves a stream that a peer opened. It runs on a goroutine of its own.
func (x *exchanges) accept(stream network.Stream) {
	from, err := nodeOf(stream.Conn().RemotePeer())
	in := &inbound{
		from: from, protocol: messages.Protocol(stream.Protocol()), stream: stream,
		queue: newQueue(x.meter, from, x.bounds), open: make(map[uint64]*service),
		sends: rate.NewLimiter(rate.Limit(x.bounds.SendsPerSecond), x.bounds.SendsPerSecond),
		fewer: make(chan struct{}, 1),
	}
	in.ended, in.end = context.WithCancel(x.ended)
	defer in.end()
	if err != nil || !x.enter(in) {
		_ = stream.Reset()
		return
	}
	defer x.wait.Done()
	x.wait.Go(func() { x.writeAnswers(in) })
	x.readRequests(in)
	in.end()
	x.leave(in)
}

// enter notes a stream; false when the node has ended.
func (x *exchanges) enter(in *inbound) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return false
	}
	x.inbound[in] = struct{}{}
	x.wait.Add(1)
	return true
}

// leave ends what is under way on a stream.
func (x *exchanges) leave(in *inbound) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range in.open {
		x.finish(s)
	}
	delete(x.inbound, in)
	in.queue.close()
}

// readRequests reads until the peer ends the stream, or breaks a rule.
func (x *exchanges) readRequests(in *inbound) {
	r := x.frames(in.stream, in.from, in.protocol)
	for x.awaitRoom(in) {
		idle := time.Now().Add(2 * x.bounds.IdleTimeout)
		f, held, err := x.nextFrame(r, idle)
		if err == nil && x.arrived(in, f, held) {
			continue
		}
		held.release()
		break
	}
	_ = in.stream.Reset()
}

// awaitRoom waits until the peer has taken enough of what it asked for to ask
// for more. False: the stream has ended.
func (x *exchanges) awaitRoom(in *inbound) bool {
	for {
		x.mu.Lock()
		full := len(in.open) >= x.bounds.ExchangesPerStream
		x.mu.Unlock()
		if !full && !in.queue.halfFull() {
			return in.ended.Err() == nil
		}
		select {
		case <-in.fewer:
		case <-in.queue.room:
		case <-in.ended.Done():
			return false
		}
	}
}

// writeAnswers writes until the stream ends.
func (x *exchanges) writeAnswers(in *inbound) {
	defer in.end()
	w := newWriter(in.queue, in.stream, x.up.share(in.ended, in.from, in.protocol), x.bounds)
	for {
		if err := w.drain(); err != nil {
			_ = in.stream.Reset() // whoever does not read is cut off
			return
		}
		select {
		case <-in.queue.wake:
		case <-in.ended.Done():
			return
		}
	}
}

// arrived takes in a frame; false if it breaks a rule. It releases what is
// held for it, or sees to it.
func (x *exchanges) arrived(in *inbound, f frame, held *hold) bool {
	switch f.kind {
	case frameSend:
		defer held.release()
		if in.sends.Allow() {
			x.deliver(in, f.packet, 0)
		}
		return true
	case frameRequest:
		return x.serve(in, f, held)
	case frameCancel:
		x.mu.Lock()
		defer x.mu.Unlock()
		if s := in.open[f.number]; s != nil {
			s.canceled = true // it counts until the node is done with it
		}
		return true
	}
	return false
}

func (x *exchanges) deliver(in *inbound, packet messages.Packet, exchange messages.Exchange) {
	x.mu.Lock()
	handler := x.handlers[in.protocol]
	x.mu.Unlock()
	if handler != nil {
		handler.answer(messages.PacketReceived{
			From: in.from, Protocol: in.protocol, Packet: packet, Exchange: exchange,
		})
	}
}

// serve hands a request to whoever handles it, or refuses it. False: the peer
// broke a rule.
func (x *exchanges) serve(in *inbound, f frame, held *hold) bool {
	x.mu.Lock()
	handler := x.handlers[in.protocol]
	switch {
	case x.closed || in.open[f.number] != nil:
		x.mu.Unlock()
		return false
	case handler == nil, len(x.served) >= x.bounds.ExchangesMax,
		x.servedFor[in.from] >= x.bounds.ExchangesPerPeer:
		x.mu.Unlock()
		held.release()
		return in.reply(frame{kind: frameRefusal, number: f.number})
	}
	x.serial++
	s := &service{
		exchange: messages.Exchange(x.serial), number: f.number, stream: in, port: handler, held: held,
	}
	x.served[s.exchange], in.open[f.number] = s, s
	x.servedFor[in.from]++
	s.timer = time.AfterFunc(max(f.wait, waitMin), func() { x.expire(s) })
	x.mu.Unlock()
	handler.answer(messages.PacketReceived{
		From: in.from, Protocol: in.protocol, Packet: f.packet, Exchange: s.exchange,
	})
	return true
}

// finish takes a request from those that await a response; false if it was
// taken already. exchanges.mu is held.
func (x *exchanges) finish(s *service) bool {
	if x.served[s.exchange] != s {
		return false
	}
	delete(x.served, s.exchange)
	delete(s.stream.open, s.number)
	if from := s.stream.from; x.servedFor[from] > 1 {
		x.servedFor[from]--
	} else {
		delete(x.servedFor, from)
	}
	s.timer.Stop()
	s.held.release()
	signal(s.stream.fewer)
	return true
}

// expire forgets a request that the peer has given up by now.
func (x *exchanges) expire(s *service) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.finish(s)
}

// respond answers a request of a peer. A packet that breaks a bound, or has no
// room, is refused.
func (x *exchanges) respond(p *Port, exchange messages.Exchange, packet messages.Packet) {
	x.mu.Lock()
	if x.respondWithin(p, exchange, packet) {
		x.mu.Unlock()
		return
	}
	s := x.served[exchange]
	if s == nil || s.port != p || p.closed || !x.finish(s) {
		x.mu.Unlock()
		return
	}
	x.mu.Unlock()
	if s.canceled {
		return
	}
	total, its := x.meter.waiting(s.stream.from)
	if tooLarge(packet, x.bounds.BlockBytesMax) ||
		total > x.bounds.ResponseBytesMax || its > x.bounds.ResponseBytesPerPeer ||
		!s.stream.queue.push(frame{kind: frameResponse, number: s.number, packet: packet}) {
		s.stream.reply(frame{kind: frameRefusal, number: s.number})
	}
}

// reply queues a short frame. When there is no room even for that, the peer
// does not read what it asked for, and is cut off: false.
func (in *inbound) reply(f frame) bool {
	if in.queue.push(f) {
		return true
	}
	_ = in.stream.Reset()
	return false
}
