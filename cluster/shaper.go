package cluster

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// bucket is a token bucket with two classes: background work takes tokens
// only when nothing urgent waits for any. One token is a byte. It holds up to
// what comes in burstSpan, or one piece where that is more.
type bucket struct {
	mu     sync.Mutex
	rate   float64 // bytes per second
	burst  float64
	tokens float64
	at     time.Time // as of when
	urgent int       // who waits
}

const (
	burstSpan = 100 * time.Millisecond
	// backOff is how long background work waits while something urgent does.
	backOff = 10 * time.Millisecond
)

func newBucket(bytesPerSecond int64) *bucket {
	rate := float64(bytesPerSecond)
	burst := max(rate*burstSpan.Seconds(), pieceBytes)
	return &bucket{rate: rate, burst: burst, tokens: burst, at: time.Now()}
}

// take waits for n tokens. Debt is allowed: a piece that is larger than the
// burst passes when the bucket is full, and those after it wait for longer.
func (b *bucket) take(ctx context.Context, n int, background bool) error {
	waiting := false
	defer func() {
		if waiting {
			b.mu.Lock()
			b.urgent--
			b.mu.Unlock()
		}
	}()
	for {
		b.mu.Lock()
		wait := b.reserve(float64(n), background)
		if wait > 0 && !background && !waiting {
			waiting = true
			b.urgent++
		}
		b.mu.Unlock()
		if wait == 0 {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// reserve takes n tokens and returns 0, or returns when to ask again. mu is
// held.
func (b *bucket) reserve(n float64, background bool) time.Duration {
	now := time.Now()
	b.tokens = min(b.burst, b.tokens+b.rate*now.Sub(b.at).Seconds())
	b.at = now
	if background && b.urgent > 0 {
		return backOff
	}
	lacking := min(n, b.burst) - b.tokens
	if lacking > 0 {
		return max(time.Millisecond, time.Duration(lacking/b.rate*float64(time.Second)))
	}
	b.tokens -= n
	return 0
}

// full reports whether nobody has used the bucket of late.
func (b *bucket) full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tokens+b.rate*time.Since(b.at).Seconds() >= b.burst
}

// peerBucketsMax is above how many peers' buckets those are dropped that are
// full: they are like new ones.
const peerBucketsMax = 1024

// shaper bounds the bytes per second of one direction, in total and for each
// peer. nil does not.
type shaper struct {
	total   *bucket // nil: no bound
	perPeer int64   // bytes per second; 0: no bound

	mu    sync.Mutex
	peers map[messages.NodeID]*bucket
}

// newShaper returns nil where there is nothing to bound.
func newShaper(total, perPeer int64) *shaper {
	if total == 0 && perPeer == 0 {
		return nil
	}
	s := &shaper{perPeer: perPeer, peers: make(map[messages.NodeID]*bucket)}
	if total > 0 {
		s.total = newBucket(total)
	}
	return s
}

// share is a shaper's part of one stream.
type share struct {
	ctx        context.Context
	of         *shaper // nil: nothing is bounded
	peer       messages.NodeID
	background bool
}

// share returns what bounds a stream. What is pushed to holders, so that they
// hold it, waits for what people read.
func (s *shaper) share(
	ctx context.Context, peer messages.NodeID, protocol messages.Protocol,
) *share {
	return &share{
		ctx: ctx, of: s, peer: peer, background: protocol == messages.ProtocolReplica,
	}
}

// peer returns the bucket of a peer as of now. Nobody keeps it for later: it is
// dropped when it is full, and all streams of a peer are to share one.
func (s *shaper) peer(id messages.NodeID) *bucket {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.peers[id]
	if b != nil {
		return b
	}
	if len(s.peers) >= peerBucketsMax {
		for id, b := range s.peers {
			if b.full() {
				delete(s.peers, id)
			}
		}
	}
	b = newBucket(s.perPeer)
	s.peers[id] = b
	return b
}

// bounds reports whether there is anything to wait for.
func (s *share) bounds() bool { return s.of != nil }

// take waits until n bytes may pass.
func (s *share) take(n int) error {
	if s.of == nil {
		return nil
	}
	if s.of.perPeer > 0 {
		if err := s.of.peer(s.peer).take(s.ctx, n, s.background); err != nil {
			return err
		}
	}
	if s.of.total == nil {
		return nil
	}
	return s.of.total.take(s.ctx, n, s.background)
}

// shapedReader reads no faster than its share: what is not read, the other
// side is not acknowledged, and stops to send.
type shapedReader struct {
	stream interface {
		io.Reader
		SetReadDeadline(time.Time) error
	}
	share    *share
	deadline time.Time // of what is being read; zero: none
}

// until sets the time until which something is to come. What is waited here
// meanwhile comes on top: that is not the fault of the other side.
func (r *shapedReader) until(deadline time.Time) error {
	r.deadline = deadline
	return r.stream.SetReadDeadline(deadline)
}

func (r *shapedReader) Read(p []byte) (int, error) {
	n, err := r.stream.Read(p)
	if n == 0 || !r.share.bounds() {
		return n, err
	}
	begin := time.Now()
	if taken := r.share.take(n); taken != nil {
		return n, taken
	}
	if r.deadline.IsZero() {
		return n, err
	}
	if later := r.until(r.deadline.Add(time.Since(begin))); later != nil {
		return n, later
	}
	return n, err
}
