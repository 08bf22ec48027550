package scenario_test

import (
	"testing"

	"github.com/noisefs/noisefs/actors/splitter"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/sim/scenario"
)

// TestChaosDiskErrors lets disk and index err: the codes say so, no byte is
// wrong, and what was acknowledged is there after the next boot.
func TestChaosDiskErrors(t *testing.T) {
	sweep(t, 2*seeds(t), func(seed uint64, reuse *scenario.House) (*scenario.House, error) {
		return scenario.Faults{
			Seed: seed, Rounds: 6, Workers: 3, Steps: 12, Reuse: reuse,
		}.Run()
	})
}

// newHouse makes a house, or ends the test.
func newHouse(t *testing.T, o scenario.Options) *scenario.House {
	t.Helper()
	h, err := scenario.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// run does a session to its end, or ends the test.
func run(t *testing.T, h *scenario.House, f func(s *scenario.Session)) {
	t.Helper()
	if err := h.Do(f); err != nil {
		t.Fatal(err)
	}
}

// fill stores files until one is refused, and returns how many were stored
// and with which code the last was refused.
func fill(s *scenario.Session, w *scenario.Worker, most int) (stored int, code messages.Code) {
	for stored < most {
		err := w.PutFile(s, 20*scenario.BlockSize)
		if err != nil {
			return stored, err.Code
		}
		stored++
	}
	return stored, 0
}

// A disk that is full, or a quota that is reached, refuses and stays sound:
// reading, removing and collecting work, and then there is room again.
func TestScenarioNoRoom(t *testing.T) {
	const room = 600 << 10
	for _, test := range []struct {
		name    string
		options scenario.Options
		want    messages.Code
	}{
		{"DiskFull", scenario.Options{DiskBytes: room, Configure: func(c *node.Config) {
			c.Store.ReserveBytes, c.Store.RefreshBytes = 150<<10, 16<<10
		}}, messages.CodeNoSpace},
		{"Quota", scenario.Options{Configure: func(c *node.Config) {
			c.Store.QuotaBytes = room
		}}, messages.CodeQuota},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.options.Seed, test.options.Faults = 1, true
			h := newHouse(t, test.options)
			w := h.NewWorker(0)
			run(t, h, func(s *scenario.Session) {
				w.Begin(s)
				for round := range 3 {
					stored, code := fill(s, w, 1000)
					if code != test.want || stored < 5 {
						s.Broken("round %d: %d files, then %q; want %q", round, stored, code, test.want)
					}
					w.Resolve(s)
					w.RemoveAll(s)
					if _, err := s.Collect(); err != nil {
						s.Broken("collect without room: %v", err)
					}
				}
			})
			if got := h.Machine.Blocks().Usage().DiskBytes; got > room {
				t.Errorf("%d bytes on disk, the limit is %d", got, room)
			}
			if err := h.Settle([]*scenario.Worker{w}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// An index that is full refuses new names and lets go of old ones.
func TestScenarioIndexFull(t *testing.T) {
	h := newHouse(t, scenario.Options{Seed: 1, Faults: true})
	w := h.NewWorker(0)
	run(t, h, func(s *scenario.Session) {
		w.Begin(s)
		if stored, code := fill(s, w, 5); stored != 5 {
			s.Broken("%d files, then %q", stored, code)
		}
		h.Machine.Index().SetBytesMax(h.Machine.Index().SizeBytes())
		if stored, code := fill(s, w, 1000); code != messages.CodeNoSpace {
			s.Broken("%d files, then %q; want %q", stored, code, messages.CodeNoSpace)
		}
		w.Resolve(s)
		w.RemoveAll(s)
		if _, err := s.Collect(); err != nil {
			s.Broken("collect with a full index: %v", err)
		}
		h.Machine.Index().SetBytesMax(0)
		if stored, code := fill(s, w, 3); stored != 3 {
			s.Broken("%d files, then %q", stored, code)
		}
	})
	if err := h.Settle([]*scenario.Worker{w}); err != nil {
		t.Fatal(err)
	}
}

// TestChaosFlips flips one bit of the disk while the node is off. Whatever
// is read after that is right, or an error; and a stored block that is not
// what it was is named by a verification.
func TestChaosFlips(t *testing.T) {
	sweep(t, 10*seeds(t), func(seed uint64, reuse *scenario.House) (*scenario.House, error) {
		return scenario.Flip{Seed: seed, Steps: 25, Reuse: reuse}.Run()
	})
}

// TestScenarioCredits lets fast writers meet a slow disk: no queue grows
// beyond what the bounds of the configuration allow.
func TestScenarioCredits(t *testing.T) {
	const writers = 6
	h := newHouse(t, scenario.Options{Seed: 1, Disk: scenario.SlowDisk()})
	workers := make([]*scenario.Worker, writers)
	for i := range workers {
		w := h.NewWorker(i)
		workers[i] = w
		h.Client.Go(func(s *scenario.Session) {
			w.Begin(s)
			if err := w.PutFile(s, 120*scenario.BlockSize); err != nil {
				s.Broken("put: %v", err)
			}
		})
	}
	if err := h.RunSessions(); err != nil {
		t.Fatal(err)
	}
	c := h.Config().Splitter
	for _, bound := range []struct {
		command messages.Command
		most    int
	}{
		{messages.WriteChunk{}, c.InFlightChunksMax},
		{messages.PutBlocks{}, c.PutsMax},
		{messages.ReadBlocks{}, c.ReadsMax + h.Config().Reader.BatchesMax},
		{messages.ReserveTuples{}, c.ReservationsMax * writers},
	} {
		if got := h.Watch.OpenMax(bound.command); got > bound.most || got == 0 {
			t.Errorf("%d %T at one time, want 1..%d", got, bound.command, bound.most)
		}
	}
	// A mailbox holds at most what everybody may send before a reply.
	most := int64(c.InFlightChunksMax + c.PutsMax + c.ReadsMax + c.ReservationsMax*writers)
	for _, role := range []string{splitter.Role, "store", "cache", "randomizer", "drive"} {
		if got := h.Watch.DepthMax(role); got > most {
			t.Errorf("%d messages wait for the %s, want at most %d", got, role, most)
		}
		t.Logf("%s: at most %d messages waited", role, h.Watch.DepthMax(role))
	}
	if err := h.Settle(workers); err != nil {
		t.Fatal(err)
	}
}
