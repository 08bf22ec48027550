package fleet

import (
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/sim/report"
)

// spies is what observers have, all of it put together: who asked them for
// which block, and when. They know the links of all files, so that they know
// which blocks each of them needs.
type spies struct {
	run *run
	log []sighting
}

// sighting is a request that an observer was sent.
type sighting struct {
	asker messages.NodeID
	cid   messages.CID
	at    time.Duration
}

// sightingsMax bounds what observers remember.
const sightingsMax = 1 << 20

func newSpies(r *run) *spies { return &spies{run: r} }

// heard takes in what reached the store of a node.
func (s *spies) heard(m *member, packet messages.PacketReceived) {
	if !m.observer || !s.run.measuring || len(s.log) >= sightingsMax {
		return
	}
	if request, err := wire.DecodeBlockRequest(packet.Packet.Head); err == nil {
		s.log = append(s.log, sighting{packet.From, request.CID, s.run.world.Elapsed()})
	}
}

// pairOf names two blocks in either order.
func pairOf(a, b messages.CID) [2]messages.CID {
	if b.Compare(a) < 0 {
		a, b = b, a
	}
	return [2]messages.CID{a, b}
}

// figures are how well observers guess.
func (s *spies) figures(f report.Figures) {
	if len(s.log) == 0 {
		return
	}
	s.grouping(f)
	s.naming(f)
}

// groupingWithin is how far apart two requests are at most that observers
// take for parts of one tuple.
const groupingWithin = time.Second

// grouping has observers guess that two blocks belong to one tuple when one
// asker asked for both within a second; by chance, any two blocks that they
// were asked for.
func (s *spies) grouping(f report.Figures) {
	together := make(map[[2]messages.CID]bool)
	for _, file := range s.run.catalog.ready {
		for t := 0; t+2 < len(file.blocks); t += 3 {
			d, a, b := file.blocks[t], file.blocks[t+1], file.blocks[t+2]
			together[pairOf(d, a)], together[pairOf(d, b)], together[pairOf(a, b)] = true, true, true
		}
	}
	guesses := make(map[[2]messages.CID]bool)
	recent := make(map[messages.NodeID][]sighting)
	seen := make(map[messages.CID]bool)
	for _, now := range s.log {
		seen[now.cid] = true
		last := slices.DeleteFunc(recent[now.asker], func(old sighting) bool {
			return now.at-old.at > groupingWithin
		})
		for _, old := range last {
			if old.cid != now.cid {
				guesses[pairOf(old.cid, now.cid)] = true
			}
		}
		recent[now.asker] = append(last, now)
	}
	right, possible := 0, 0
	for pair := range guesses {
		if together[pair] {
			right++
		}
	}
	for pair := range together {
		if seen[pair[0]] && seen[pair[1]] {
			possible++
		}
	}
	f.SetShare(report.GroupingOdds, float64(right), float64(len(guesses)))
	n := float64(len(seen))
	f.SetShare(report.GroupingChance, float64(possible), n*(n-1)/2)
}

// naming has observers guess that whoever asks for a block reads the file
// that needs it, if there is only one; by chance, any node and any file, as
// often.
func (s *spies) naming(f report.Figures) {
	type reading struct {
		reader messages.NodeID
		file   int
	}
	owner := make(map[messages.CID]int) // the file that alone needs a block
	for _, file := range s.run.catalog.ready {
		for _, cid := range file.blocks {
			if s.run.needs.files[cid] == 1 {
				owner[cid] = file.number
			}
		}
	}
	guesses := make(map[reading]bool)
	for _, sighting := range s.log {
		if file, alone := owner[sighting.cid]; alone {
			guesses[reading{sighting.asker, file}] = true
		}
	}
	named, took := 0, 0
	for _, file := range s.run.catalog.ready {
		for number, reads := range file.readers {
			if reads && number != file.owner {
				took++
				if guesses[reading{s.run.members[number].id, file.number}] {
					named++
				}
			}
		}
	}
	f.SetShare(report.NamingOdds, float64(named), float64(took))
	f.SetShare(report.NamingChance, float64(len(guesses)),
		float64(len(s.run.catalog.ready))*float64(len(s.run.members)))
}
