package bitswap

import (
	"context"
	"sync"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	"github.com/ipfs/boxo/bitswap/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/noisefs/noisefs/messages"
)

// source is a peer that blocks are asked of.
type source struct {
	lane  *Lane
	id    peer.ID
	turns chan struct{} // one taken for each want
	wake  chan struct{} // has one when there is something to say

	mu     sync.Mutex
	wanted map[messages.CID]*want
	news   []messages.CID // wants that began or ended, to be told
	came   int            // answers so far
	last   time.Time      // when one came
}

// want is a block that was asked for and did not come yet.
type want struct {
	told    bool          // the peer
	at      time.Time     // when it was told last
	came    int           // source.came at that time
	waiting int           // fetches
	done    chan struct{} // closed when there is data or err
	data    []byte
	err     error
}

func newSource(l *Lane, id peer.ID) *source {
	return &source{
		lane: l, id: id, turns: make(chan struct{}, l.bounds.WantsMax),
		wake: make(chan struct{}, 1), wanted: make(map[messages.CID]*want),
	}
}

// fetch asks for a block and waits for it.
func (s *source) fetch(ctx context.Context, cid messages.CID) ([]byte, error) {
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.lane.ended.Done():
		return nil, ErrUnreachable
	}
	w := s.begin(cid)
	again := time.NewTicker(s.lane.bounds.AgainAfter)
	defer again.Stop()
	for {
		select {
		case <-w.done:
			return w.data, w.err
		case <-again.C:
			s.repeat(cid, w)
		case <-ctx.Done():
			s.leave(cid, w)
			return nil, ctx.Err()
		case <-s.lane.ended.Done():
			return nil, ErrUnreachable
		}
	}
}

// begin joins the want for a block, or begins it.
func (s *source) begin(cid messages.CID) *want {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.wanted[cid]
	if w == nil {
		w = &want{done: make(chan struct{})}
		s.wanted[cid] = w
		s.say(cid)
	}
	w.waiting++
	return w
}

// repeat has the peer told once more of a want that it seems to have lost:
// nothing came for long, or it was overtaken by far more than may be under way.
// Merely slow is who answers others.
func (s *source) repeat(cid messages.CID, w *want) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wanted[cid] != w || !w.told {
		return
	}
	bounds := s.lane.bounds
	idle := min(time.Since(w.at), time.Since(s.last)) >= bounds.AgainAfter
	if idle || s.came-w.came > 2*bounds.WantsMax {
		s.say(cid)
	}
}

// leave gives a want up when nobody waits any more.
func (s *source) leave(cid messages.CID, w *want) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.waiting--; w.waiting == 0 && s.wanted[cid] == w {
		delete(s.wanted, cid)
		if w.told {
			s.say(cid)
		}
	}
}

// say has the peer told how it stands with a block. mu is held.
func (s *source) say(cid messages.CID) {
	s.news = append(s.news, cid)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// settle ends a want, if it is one.
func (s *source) settle(cid messages.CID, data []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.wanted[cid]
	if w == nil {
		return
	}
	s.came++
	s.last = time.Now()
	delete(s.wanted, cid)
	w.data, w.err = data, err
	close(w.done)
	if err != nil {
		s.say(cid) // or the peer keeps the want for when it has the block
	}
}

// lost ends all wants: the peer is gone, and with it what it knew of them.
func (s *source) lost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for cid, w := range s.wanted {
		delete(s.wanted, cid)
		w.err = ErrUnreachable
		close(w.done)
	}
	s.news = nil
}

// run tells the peer what is wanted, as long as the lane lives.
func (s *source) run() {
	var sender network.MessageSender
	defer func() {
		if sender != nil {
			_ = sender.Reset()
		}
	}()
	for {
		select {
		case <-s.wake:
		case <-s.lane.ended.Done():
			return
		}
		msg := s.message()
		if msg.Empty() {
			continue
		}
		var err error
		if sender == nil {
			sender, err = s.lane.network.NewMessageSender(s.lane.ended, s.id,
				&network.MessageSenderOpts{MaxRetries: 1, SendTimeout: s.lane.bounds.MessageTimeout})
		}
		if err == nil {
			err = sender.SendMsg(s.lane.ended, msg)
		}
		if err != nil {
			sender = nil
			s.lost()
		}
	}
}

// message says all that the peer was not told yet.
func (s *source) message() message.BitSwapMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	msg := message.New(false)
	for _, cid := range s.news {
		if w := s.wanted[cid]; w == nil {
			msg.Cancel(cidOf(cid))
		} else {
			w.told, w.at, w.came = true, time.Now(), s.came
			msg.AddEntry(cidOf(cid), 1, pb.Message_Wantlist_Block, true)
		}
	}
	s.news = s.news[:0]
	return msg
}

var _ network.Receiver = (*answers)(nil)

// answers takes in what sources send. What was not asked for is dropped.
type answers struct{ lane *Lane }

// source returns the source that a peer is, or nil.
func (a *answers) source(id peer.ID) *source {
	for _, s := range a.lane.sources {
		if s.id == id {
			return s
		}
	}
	return nil
}

// ReceiveMessage implements [network.Receiver]. boxo names blocks by hashing
// them.
func (a *answers) ReceiveMessage(
	_ context.Context, from peer.ID, incoming message.BitSwapMessage,
) {
	s := a.source(from)
	if s == nil {
		return
	}
	for _, block := range incoming.Blocks() {
		if digest, ours := digestOf(block.Cid()); ours {
			s.settle(digest, block.RawData(), nil)
		}
	}
	for _, c := range incoming.DontHaves() {
		if digest, ours := digestOf(c); ours {
			s.settle(digest, nil, ErrAbsent)
		}
	}
}

// ReceiveError implements [network.Receiver].
func (a *answers) ReceiveError(error) {}

// PeerConnected implements [network.Receiver].
func (a *answers) PeerConnected(peer.ID) {}

// PeerDisconnected implements [network.Receiver].
func (a *answers) PeerDisconnected(id peer.ID) {
	if s := a.source(id); s != nil {
		s.lost()
	}
}
