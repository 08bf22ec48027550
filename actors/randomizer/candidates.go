package randomizer

import "github.com/noisefs/noisefs/messages"

// candidate is a block that slot A may use.
type candidate struct {
	cid    messages.CID
	stream messages.StreamID // whose D it was; 0 for a block of others
	origin messages.NodeID   // who gave it to us; zero for our own
}

// candidateList is the candidates of one open stream, or of all others.
type candidateList struct {
	stream messages.StreamID // 0: those of no open stream
	items  []candidate
	// spilled is how many more the index has, as far as is known.
	spilled uint64
}

// candidatePlace says where a candidate stands.
type candidatePlace struct {
	list  *candidateList
	index int
}

// candidateSet is what slot A is drawn from: the candidates of the index, or
// a uniform sample of them where there are more than fit. The candidates of
// open streams stand apart, so that a draw for a stream leaves out its own
// without trying and failing, and so that one huge file does not crowd out
// what it may use: they get at most a quarter of the room.
type candidateSet struct {
	closedMax, openMax int
	draw               func(n uint64) uint64

	closed   candidateList
	open     []*candidateList // in the order of opening
	openSize int
	where    map[messages.CID]candidatePlace
}

func newCandidateSet(size int, draw func(uint64) uint64) *candidateSet {
	return &candidateSet{
		closedMax: size - size/4, openMax: size / 4, draw: draw,
		where: make(map[messages.CID]candidatePlace),
	}
}

// size is the number of candidates in memory, known those of the index, too.
func (s *candidateSet) size() int { return len(s.where) }

func (s *candidateSet) known() uint64 {
	n := uint64(s.size()) + s.closed.spilled
	for _, list := range s.open {
		n += list.spilled
	}
	return n
}

// openStream keeps the candidates of a stream apart from now on. Those that
// stand among the others already (the stream was forgotten and came back)
// are told by take.
func (s *candidateSet) openStream(id messages.StreamID) {
	s.open = append(s.open, &candidateList{stream: id})
}

// closeStream lets everybody draw the candidates of a stream.
func (s *candidateSet) closeStream(id messages.StreamID) {
	for i, list := range s.open {
		if list.stream != id {
			continue
		}
		s.open = append(s.open[:i], s.open[i+1:]...)
		s.openSize -= len(list.items)
		s.closed.spilled += list.spilled
		for _, c := range list.items {
			delete(s.where, c.cid)
			s.add(c)
		}
		return
	}
}

// add takes a row of the index into the set, unless it is there. When the
// set is full, the row replaces a random member with the probability of the
// set's size to the rows seen, which keeps the set a uniform sample
// (reservoir sampling, algorithm R of Vitter, ACM TOMS 11(1), 1985).
func (s *candidateSet) add(c candidate) {
	if _, ok := s.where[c.cid]; ok {
		return
	}
	list := s.listOf(c.stream)
	if list != &s.closed {
		if s.openSize >= s.openMax {
			list.spilled++
			return
		}
		s.openSize++
		s.place(list, c)
		return
	}
	if n := uint64(len(list.items)); n >= uint64(s.closedMax) {
		list.spilled++
		if s.draw(n+list.spilled) >= n {
			return
		}
		s.remove(list.items[s.draw(n)].cid)
	}
	s.place(list, c)
}

// take draws a candidate for a stream and removes it. It reports false when
// there is none that is not of the stream itself.
func (s *candidateSet) take(stream messages.StreamID) (candidate, bool) {
	own := 0
	for _, list := range s.open {
		if list.stream == stream {
			own = len(list.items)
		}
	}
	// Only a stream that was forgotten and came back has candidates among
	// the closed ones, so nearly always the first draw is the last.
	for range takeTries {
		eligible := s.size() - own
		if eligible == 0 {
			break
		}
		c := s.at(s.draw(uint64(eligible)), stream)
		if c.stream != stream || stream == 0 {
			s.remove(c.cid)
			return c, true
		}
	}
	return candidate{}, false
}

// takeTries bounds the draws of one take.
const takeTries = 16

// at returns the i-th candidate, not counting the open list of a stream.
func (s *candidateSet) at(i uint64, without messages.StreamID) candidate {
	if i < uint64(len(s.closed.items)) {
		return s.closed.items[i]
	}
	i -= uint64(len(s.closed.items))
	for _, list := range s.open {
		if list.stream == without {
			continue
		}
		if i < uint64(len(list.items)) {
			return list.items[i]
		}
		i -= uint64(len(list.items))
	}
	panic("randomizer: drew a candidate beyond the last")
}

// remove drops a candidate from memory, if it is there.
func (s *candidateSet) remove(cid messages.CID) {
	place, ok := s.where[cid]
	if !ok {
		return
	}
	items := place.list.items
	last := len(items) - 1
	items[place.index] = items[last]
	s.where[items[last].cid] = place
	place.list.items = items[:last]
	delete(s.where, cid)
	if place.list != &s.closed {
		s.openSize--
	}
}

// wantsRefill reports whether the set has run low while the index has more.
func (s *candidateSet) wantsRefill() bool {
	return s.closed.spilled > 0 && len(s.closed.items) < s.closedMax/4
}

// beginScan forgets how many rows the index has beside those in memory: a
// scan of them all begins, and add counts them again.
func (s *candidateSet) beginScan() {
	s.closed.spilled = 0
	for _, list := range s.open {
		list.spilled = 0
	}
}

func (s *candidateSet) listOf(stream messages.StreamID) *candidateList {
	if stream != 0 {
		for _, list := range s.open {
			if list.stream == stream {
				return list
			}
		}
	}
	return &s.closed
}

func (s *candidateSet) place(list *candidateList, c candidate) {
	s.where[c.cid] = candidatePlace{list, len(list.items)}
	list.items = append(list.items, c)
}
