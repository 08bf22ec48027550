package reader

import (
	"testing"

	"pgregory.net/rapid"
)

// TestShelf plays reads of several handles against a shelf: it counts right,
// read-ahead stays within the bound, and what somebody waits for is never
// dropped.
func TestShelf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newShelf(rapid.IntRange(0, 12).Draw(t, "max"))
		handles := make([]*handle, 3)
		for i := range handles {
			handles[i] = &handle{ahead: readAhead{max: 8}, chunks: map[uint64]*chunk{}}
		}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			h := handles[rapid.IntRange(0, 2).Draw(t, "handle")]
			index := rapid.Uint64Range(0, 20).Draw(t, "chunk")
			c := h.chunks[index]
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0: // read ahead
				if c == nil && s.room(h) {
					s.add(h, index, 10)
					if s.held > s.max {
						t.Fatalf("%d chunks after making room, max %d", s.held, s.max)
					}
				}
			case 1: // somebody waits
				if c == nil {
					c = s.add(h, index, 10)
				}
				if !c.ready {
					c.waiting = append(c.waiting, &read{})
				}
				h.ahead.observe(index, index)
				s.touch(h)
			case 2: // opened
				if c != nil {
					c.ready, c.waiting = true, nil
					c.served += 5
				}
			case 3:
				s.tidy(h)
				for i, c := range h.chunks {
					if len(c.waiting) == 0 && (s.held > s.max || !h.ahead.wants(i)) {
						t.Fatalf("chunk %d was kept", i)
					}
				}
			case 4:
				if c != nil && len(c.waiting) == 0 {
					s.drop(c)
					s.drop(c) // twice is no harm
				}
			case 5:
				if c != nil && len(c.waiting) > 0 {
					before := s.held
					s.room(handles[0])
					s.tidy(h)
					if h.chunks[index] != c || c.dropped || s.held > before {
						t.Fatalf("chunk %d, which somebody waits for, was dropped", index)
					}
				}
			}
			held, holders := 0, 0
			for _, h := range handles {
				held += len(h.chunks)
				if len(h.chunks) > 0 {
					holders++
				}
				if (h.holder != nil) != (len(h.chunks) > 0) {
					t.Fatal("a handle is listed wrongly")
				}
			}
			if held != s.held || holders != s.holders.Len() {
				t.Fatalf("%d chunks of %d handles, counted %d of %d",
					held, holders, s.held, s.holders.Len())
			}
		}
	})
}
