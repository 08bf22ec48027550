package randomizer

import "github.com/noisefs/noisefs/messages"

// stream is what is remembered of a stream of tuples.
type stream struct {
	id      messages.StreamID
	next    uint64 // number of the next tuple
	planned uint64 // when it was last used, by the core's counter
	ended   bool   // EndStream came: what is still under way is void

	// last is the last tuple that each block served in slot B, and recent
	// the blocks of the last spacing tuples by tuple number.
	last    map[*reusable]uint64
	recent  []*reusable
	spacing uint64

	// reserved is the tuples that are not committed, by A.
	reserved map[messages.CID]*tuple
}

func newStream(id messages.StreamID, spacing int) *stream {
	return &stream{
		id: id, spacing: uint64(spacing),
		last:     make(map[*reusable]uint64, spacing),
		recent:   make([]*reusable, spacing),
		reserved: make(map[messages.CID]*tuple),
	}
}

// metRecently reports whether the next tuple would meet r within spacing
// tuples of an earlier one.
func (s *stream) metRecently(r *reusable) bool {
	if r.bornStream == s.id && r.bornStream != 0 && s.next-r.bornSeq < s.spacing {
		return true
	}
	// What is older than spacing has left recent, and last with it.
	_, met := s.last[r]
	return met
}

// meet gives the next tuple its number and the block in its slot B.
func (s *stream) meet(r *reusable) (seq uint64) {
	seq = s.next
	s.next++
	s.last[r], s.recent[seq%s.spacing] = seq, r
	// The tuple after this one may meet the block of spacing tuples before it.
	leaving := &s.recent[s.next%s.spacing]
	if *leaving != nil && s.last[*leaving]+s.spacing == s.next {
		delete(s.last, *leaving)
	}
	*leaving = nil
	return seq
}

// tuple is a pair (A, B) from its choice to its commit.
type tuple struct {
	stream *stream
	seq    uint64
	a      *block
	b      *reusable

	freshA, freshB bool // generated for this tuple
}
