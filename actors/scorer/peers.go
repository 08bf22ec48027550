package scorer

import "github.com/noisefs/noisefs/messages"

// peer is what is remembered of one. Times are in nanoseconds since 1970.
type peer struct {
	id           messages.NodeID
	older, newer *peer // in order of the last choice

	seconds  float64  // per block, EWMA; 0 without samples
	p95      quantile // of the seconds
	samples  uint64
	sampleNS int64

	failures  float64 // as of failureNS
	failureNS int64
	badNS     int64   // until when nobody relies on it, since it failed
	load      float64 // as of loadNS
	loadNS    int64
	freeNS    int64 // when it will have sent what it had to send, as it said

	inFlight int
	chosenNS int64
	turn     uint64 // number of its last choice
	ask      uint64 // number of the last ask that it was chosen for

	served, failed uint64
}

// peers remembers peers, up to a bound, in order of their last choice.
type peers struct {
	max            int
	byID           map[messages.NodeID]*peer
	oldest, newest *peer
}

// get returns what is remembered of a peer, or nil.
func (s *peers) get(id messages.NodeID) *peer { return s.byID[id] }

// touch returns the peer as the one that was chosen last, and remembers it.
// It is nil when there is no room: all others are being asked.
func (s *peers) touch(id messages.NodeID) *peer {
	p := s.byID[id]
	if p == nil {
		if len(s.byID) >= s.max && !s.evict() {
			return nil
		}
		p = &peer{id: id}
		s.byID[id] = p
	} else {
		s.unlink(p)
	}
	p.older = s.newest
	if s.newest != nil {
		s.newest.newer = p
	} else {
		s.oldest = p
	}
	s.newest = p
	return p
}

// evict forgets the peer that was idle the longest; false if none is idle.
func (s *peers) evict() bool {
	for p := s.oldest; p != nil; p = p.newer {
		if p.inFlight == 0 {
			s.unlink(p)
			delete(s.byID, p.id)
			return true
		}
	}
	return false
}

func (s *peers) unlink(p *peer) {
	if p.older != nil {
		p.older.newer = p.newer
	} else {
		s.oldest = p.newer
	}
	if p.newer != nil {
		p.newer.older = p.older
	} else {
		s.newest = p.older
	}
	p.older, p.newer = nil, nil
}
