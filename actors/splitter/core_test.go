package splitter

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatalf("the default is refused: %v", err)
	}
	for name, spoil := range map[string]func(*Config){
		"WindowChunks":      func(c *Config) { c.WindowChunks = windowMin - 1 },
		"WindowTooLarge":    func(c *Config) { c.WindowChunks = format.BuilderWindow },
		"InFlightChunksMax": func(c *Config) { c.InFlightChunksMax = 4*c.StreamsMax - 1 },
		"StreamsMax":        func(c *Config) { c.StreamsMax = 0 },
		"SealsMax":          func(c *Config) { c.SealsMax = 0 },
		"ReservationsMax":   func(c *Config) { c.ReservationsMax = 0 },
		"ReadBatchBlocks":   func(c *Config) { c.ReadBatchBlocks = messages.LoadMax + 1 },
		"ReadsMax":          func(c *Config) { c.ReadsMax = 0 },
		"PutBatchBlocks":    func(c *Config) { c.PutBatchBlocks = 0 },
		"PutsMax":           func(c *Config) { c.PutsMax = 0 },
		"KeptBlocksMax":     func(c *Config) { c.KeptBlocksMax = -1 },
		"HeldRefsMax":       func(c *Config) { c.HeldRefsMax = 0 },
	} {
		c := DefaultConfig()
		spoil(&c)
		if err := c.Validate(); !errors.Is(err, ErrConfig) {
			t.Errorf("a bad %s: %v, want ErrConfig", name, err)
		}
	}
}

// TestWindows opens and closes streams at random: the windows never exceed
// their bound, none is below the minimum, and all come back.
func TestWindows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := DefaultConfig()
		cfg.StreamsMax = rapid.IntRange(1, 40).Draw(t, "streams")
		cfg.InFlightChunksMax = windowMin*cfg.StreamsMax + rapid.IntRange(0, 2000).Draw(t, "more")
		w := windows{cfg: cfg}
		var open []int
		for range 200 {
			if len(open) > 0 && rapid.Bool().Draw(t, "close") || len(open) == cfg.StreamsMax {
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				w.release(open[i])
				open = append(open[:i], open[i+1:]...)
				continue
			}
			window := w.grant()
			if window < windowMin || window > cfg.WindowChunks {
				t.Fatalf("a window of %d", window)
			}
			open = append(open, window)
			if w.granted > cfg.InFlightChunksMax {
				t.Fatalf("%d chunks are granted, at most %d", w.granted, cfg.InFlightChunksMax)
			}
		}
		for _, window := range open {
			w.release(window)
		}
		if w.open != 0 || w.granted != 0 {
			t.Fatalf("%d streams with %d chunks are left", w.open, w.granted)
		}
	})
}

func TestKeptBlocks(t *testing.T) {
	k := newKeptBlocks(3)
	cid := func(n int) messages.CID { return messages.CID{byte(n)} }
	for n := 1; n <= 5; n++ {
		k.put(cid(n), []byte{byte(n)})
		k.put(cid(n), []byte{99}) // is there already
	}
	for n, want := range []bool{1: false, 2: false, 3: true, 4: true, 5: true} {
		data := k.get(cid(n))
		if got := data != nil; got != want || got && data[0] != byte(n) {
			t.Errorf("block %d: kept %v (%v), want %v", n, got, data, want)
		}
	}
	none := newKeptBlocks(0)
	none.put(cid(1), []byte{1})
	if none.get(cid(1)) != nil {
		t.Error("a block is kept where none may be")
	}
}

// TestHeldRefs makes trees of blocks durable in every order: a ref is held
// when all below it is durable and nothing held is above it, and blocks that
// are sealed and not held are under way.
func TestHeldRefs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHeldRefs()
		count := rapid.IntRange(1, 30).Draw(t, "blocks")
		jobs := make([]*job, count)
		parent := make([]int, count)
		for i := range jobs {
			jobs[i] = &job{number: uint64(i), kind: messages.KindNode}
			jobs[i].ref.D = messages.CID{byte(i), byte(i >> 8), 1}
			parent[i] = -1
			// Children are sealed before their node, as their refs are in it.
			for k := range i {
				if parent[k] < 0 && rapid.IntRange(0, 3).Draw(t, "inside") == 0 {
					parent[k] = i
					jobs[i].inside = append(jobs[i].inside, jobs[k].ref.D)
				}
			}
		}
		order := rapid.Permutation(makeRange(count)).Draw(t, "order")
		durable := make([]bool, count)
		sealed := 0
		for _, next := range order {
			for ; sealed <= next; sealed++ {
				h.sealed(jobs[sealed])
			}
			h.durable(jobs[next])
			durable[next] = true
			checkHeld(t, &h, jobs[:sealed], parent, durable)
		}
	})
}

// checkHeld compares with the definition.
func checkHeld(t *rapid.T, h *heldRefs, jobs []*job, parent []int, durable []bool) {
	complete := make([]bool, len(jobs))
	for i := range jobs {
		complete[i] = durable[i]
		for k := range i {
			complete[i] = complete[i] && (parent[k] != i || complete[k])
		}
	}
	for i, j := range jobs {
		above := parent[i]
		want := complete[i] && (above < 0 || above >= len(jobs) || !complete[above])
		if _, held := h.refs[j.ref.D]; held != want {
			t.Fatalf("block %d is held: %v, want %v", i, held, want)
		}
		if _, open := h.open[j.ref.D]; open == complete[i] {
			t.Fatalf("block %d is under way: %v, and complete: %v", i, open, complete[i])
		}
	}
}

func makeRange(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
