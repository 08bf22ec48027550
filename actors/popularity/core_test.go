package popularity

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// start is the beginning of a window of 10 minutes.
var start = time.Unix(1_900_000_200, 0)

// seeded is entropy that a test can repeat.
type seeded struct{ *rand.ChaCha8 }

func newSeeded(seed byte) seeded { return seeded{rand.NewChaCha8([32]byte{seed})} }

func (s seeded) Fill(p []byte)           { _, _ = s.Read(p) }
func (s seeded) Uint64N(n uint64) uint64 { return s.Uint64() % n }

// smallConfig has small sketches, as simulations do, and next to no noise.
func smallConfig() Config {
	cfg := DefaultConfig()
	cfg.Depth, cfg.Width, cfg.Epsilon, cfg.Margin = 3, 64, 64, 0
	return cfg
}

func newTestCore(cfg Config) *core {
	return newCore(newRules(cfg), start, cfg.Window/2)
}

// testCID returns the n-th of a list of CIDs, as evenly spread as digests.
func testCID(n int) messages.CID {
	var cid messages.CID
	r := rand.New(rand.NewPCG(uint64(n), 7))
	for i := 0; i < len(cid); i += 8 {
		binary.LittleEndian.PutUint64(cid[i:], r.Uint64())
	}
	return cid
}

func testNode(n int) messages.NodeID { return messages.NodeID(testCID(1_000_000 + n)) }

// summaryOf is what a node that served these blocks in the window of start
// publishes.
func summaryOf(cfg Config, entropy seeded, cids ...messages.CID) []byte {
	return summaryIn(cfg, 0, entropy, cids...)
}

// summaryIn is summaryOf, some windows later.
func summaryIn(cfg Config, window int, entropy seeded, cids ...messages.CID) []byte {
	now := start.Add(time.Duration(window) * cfg.Window)
	author := newCore(newRules(cfg), now, cfg.Window/2)
	author.serve(now, cids)
	return author.publish(author.due(), entropy)
}

// repeat returns n times the block.
func repeat(cid messages.CID, n int) []messages.CID {
	return slices.Repeat([]messages.CID{cid}, n)
}

// decode opens a summary that was just made.
func decode(t interface{ Fatal(...any) }, payload []byte) wire.DemandSummary {
	m, err := wire.DecodeDemandSummary(payload)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestDemandIsHeardOfAll(t *testing.T) {
	cfg := smallConfig()
	hot, cold := testCID(1), testCID(2)
	c := newTestCore(cfg)
	for n := range 12 {
		payload := summaryOf(cfg, newSeeded(byte(n)), repeat(hot, 100)...)
		c.receive(start.Add(time.Minute), testNode(n), payload)
	}
	// 1,200 requests in one window of 10 minutes.
	end := start.Add(cfg.Window)
	if got := c.estimate(end, &hot); math.Abs(got-7200) > 1 {
		t.Errorf("hot: got %.1f per hour, want 7200", got)
	}
	if got := c.estimate(end, &cold); got != 0 {
		t.Errorf("cold: got %.1f per hour, want 0", got)
	}
	// What was heard ages: with an empty window after it, it is a third of
	// the weight; and after EpochsMax windows it is gone.
	c.receive(end, testNode(1), summaryIn(cfg, 1, newSeeded(1)))
	if got := c.estimate(end.Add(cfg.Window), &hot); math.Abs(got-2400) > 1 {
		t.Errorf("after another window: got %.1f per hour, want 2400", got)
	}
	if got := c.estimate(end.Add(time.Duration(cfg.EpochsMax)*cfg.Window), &hot); got != 0 {
		t.Errorf("after %d windows: got %.1f per hour, want 0", cfg.EpochsMax, got)
	}
}

func TestSummariesThatAreRefused(t *testing.T) {
	cfg := smallConfig()
	cfg.AuthorsMax, cfg.CellMax = 2, 100
	good := decode(t, summaryOf(cfg, newSeeded(1), repeat(testCID(1), 50)...))
	full := func(v byte, n int) []byte {
		cells := slices.Repeat([]byte{wire.DemandZero}, len(good.Cells))
		for i := range n {
			cells[i] = v
		}
		return cells
	}
	highest := byte(cfg.CellMax + 2*wire.DemandZero)
	fits := cfg.sumMax() / int(highest-wire.DemandZero)
	view := &messages.View{Members: []*messages.Member{
		{ID: testNode(1)}, {ID: testNode(2)}, {ID: testNode(3)},
	}}
	slices.SortFunc(view.Members, func(a, b *messages.Member) int {
		return messages.CID(a.ID).Compare(messages.CID(b.ID))
	})
	for name, test := range map[string]struct {
		change func(c *core, m *wire.DemandSummary)
		want   bool
	}{
		"Good":        {func(*core, *wire.DemandSummary) {}, true},
		"Early":       {func(_ *core, m *wire.DemandSummary) { m.Epoch++ }, true},
		"Late":        {func(_ *core, m *wire.DemandSummary) { m.Epoch-- }, true},
		"TooEarly":    {func(_ *core, m *wire.DemandSummary) { m.Epoch += 2 }, false},
		"TooLate":     {func(_ *core, m *wire.DemandSummary) { m.Epoch -= 2 }, false},
		"Window":      {func(_ *core, m *wire.DemandSummary) { m.WindowSeconds-- }, false},
		"Depth":       {func(_ *core, m *wire.DemandSummary) { m.Depth = 1 }, false},
		"Width":       {func(_ *core, m *wire.DemandSummary) { m.Cells = m.Cells[:3*63] }, false},
		"Malformed":   {func(_ *core, m *wire.DemandSummary) { m.Cells = m.Cells[:5] }, false},
		"CellTooHigh": {func(_ *core, m *wire.DemandSummary) { m.Cells = full(highest+1, 1) }, false},
		"CellAtMost":  {func(_ *core, m *wire.DemandSummary) { m.Cells = full(highest, fits) }, true},
		"SumTooLarge": {func(_ *core, m *wire.DemandSummary) { m.Cells = full(highest, fits+1) }, false},
		"SumNegative": {func(_ *core, m *wire.DemandSummary) { m.Cells = full(0, len(m.Cells)) }, false},
		"Member":      {func(c *core, _ *wire.DemandSummary) { c.view = view }, true},
		"Stranger": {func(c *core, _ *wire.DemandSummary) {
			c.view = &messages.View{Members: view.Members[:0]}
		}, false},
		"ManyAuthors": {func(c *core, _ *wire.DemandSummary) {
			c.receive(start, testNode(8), good.Append(nil))
			c.receive(start, testNode(9), good.Append(nil))
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, m := newTestCore(cfg), good
			m.Cells = slices.Clone(good.Cells)
			test.change(c, &m)
			if c.accept(start.Add(time.Minute), testNode(2), m.Append(nil)) != test.want {
				t.Errorf("accepted = %v", !test.want)
			}
		})
	}
}

// TestAuthorsAgeOut: who filled the table of authors leaves it when its
// summaries cannot come again.
func TestAuthorsAgeOut(t *testing.T) {
	cfg := smallConfig()
	cfg.AuthorsMax = 1
	c := newTestCore(cfg)
	c.receive(start, testNode(1), summaryOf(cfg, newSeeded(1)))
	for range 3 {
		c.publish(c.due(), newSeeded(2))
	}
	if !c.accept(c.due(), testNode(2), summaryIn(cfg, 3, newSeeded(1))) {
		t.Error("an author was refused for the sake of one that is gone")
	}
	if len(c.heard) > cfg.EpochsMax || len(c.merged) > cfg.AuthorsMax {
		t.Errorf("%d epochs and %d authors are kept", len(c.heard), len(c.merged))
	}
}

// TestMergeIsCommutative, and counts each author once per window: whatever
// order summaries come in, and how often, the estimates are the same.
func TestMergeIsCommutative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := smallConfig()
		cfg.Width, cfg.Epsilon = rapid.IntRange(2, 64).Draw(t, "width"), 1
		cids := []messages.CID{testCID(1), testCID(2), testCID(3)}
		authors := rapid.IntRange(1, 8).Draw(t, "authors")
		summaries := make([][]byte, authors)
		for i := range summaries {
			served := rapid.SliceOfN(rapid.SampledFrom(cids), 0, 200).Draw(t, "served")
			summaries[i] = summaryOf(cfg, newSeeded(byte(i)), served...)
		}
		once, again := newTestCore(cfg), newTestCore(cfg)
		for i, payload := range summaries {
			once.receive(start, testNode(i), payload)
		}
		order := rapid.SliceOfN(rapid.IntRange(0, authors-1), 0, 20).Draw(t, "repeats")
		order = append(order, rapid.Permutation(slices.Collect(countTo(authors))).Draw(t, "order")...)
		for _, i := range order {
			again.receive(start, testNode(i), summaries[i])
		}
		if again.mergedCount != uint64(authors) || once.refused != 0 {
			t.Fatalf("merged %d of %d, refused %d", again.mergedCount, authors, once.refused)
		}
		end := start.Add(cfg.Window)
		for _, cid := range cids {
			a, b := once.estimate(end, &cid), again.estimate(end, &cid)
			if a != b || a < 0 {
				t.Fatalf("estimates %v and %v", a, b)
			}
		}
	})
}

func countTo(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// TestOneAuthorIsBounded: whatever one author says within the rules, no
// estimate moves by more than the bounds on cells and on their sum allow.
func TestOneAuthorIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := smallConfig()
		cfg.Epsilon, cfg.Margin = 1, 2
		cfg.Width = rapid.IntRange(8, 64).Draw(t, "width")
		target := testCID(1)
		honest, deceived := newTestCore(cfg), newTestCore(cfg)
		for i := range rapid.IntRange(0, 10).Draw(t, "honest") {
			served := repeat(target, rapid.IntRange(0, 120).Draw(t, "served"))
			payload := summaryOf(cfg, newSeeded(byte(i)), served...)
			honest.receive(start, testNode(i), payload)
			deceived.receive(start, testNode(i), payload)
		}
		lie := decode(t, summaryOf(cfg, newSeeded(99)))
		for i := range lie.Cells {
			lie.Cells[i] = byte(rapid.SampledFrom([]int{
				0, wire.DemandZero, wire.DemandZero + 16, cfg.CellMax + 2*wire.DemandZero,
			}).Draw(t, "cell"))
		}
		for row := range cfg.Depth {
			lie.Cells[place(lie.Epoch, &target, row, cfg.Width)] = byte(cfg.CellMax + 2*wire.DemandZero)
		}
		for !newLimits(cfg).keptBy(lie.Cells) { // as a liar that keeps the rules must
			for i, c := range lie.Cells {
				lie.Cells[i] = byte(wire.DemandZero + (int(c)-wire.DemandZero)*9/10)
			}
		}
		deceived.receive(start, testNode(99), lie.Append(nil))
		if deceived.refused > 0 {
			t.Fatal("the lie was refused")
		}
		// By how much its cells and the quantiles of all can move. Most of the
		// quantiles' cells move by no more than a few times the mean.
		highest := float64(cfg.CellMax + wire.DemandZero)
		requests := highest + 4*(1+cfg.Margin)*float64(cfg.CellMeanMax)
		end := start.Add(cfg.Window)
		moved := deceived.estimate(end, &target) - honest.estimate(end, &target)
		if bound := requests / cfg.Window.Hours(); math.Abs(moved) > bound {
			t.Fatalf("one author moved an estimate by %.0f per hour, bound %.0f", moved, bound)
		}
	})
}

// TestLiarAmongMany: a liar that inflates a block as far as it can changes
// what a hundred nodes know by no more than one of them could.
func TestLiarAmongMany(t *testing.T) {
	cfg := DefaultConfig()
	target, wanted := testCID(1), testCID(2)
	c := newTestCore(cfg)
	for i := range 100 {
		c.receive(start, testNode(i), summaryOf(cfg, newSeeded(byte(i)), repeat(wanted, 20)...))
	}
	lie := decode(t, summaryOf(cfg, newSeeded(200)))
	for row := range cfg.Depth {
		lie.Cells[place(lie.Epoch, &target, row, cfg.Width)] = byte(cfg.CellMax + 2*wire.DemandZero)
	}
	for range 50 {
		c.receive(start, testNode(200), lie.Append(nil))
	}
	end := start.Add(cfg.Window)
	if got := c.estimate(end, &target); got > 191/cfg.Window.Hours()*1.5 {
		t.Errorf("the liar's block seems wanted %.0f times an hour", got)
	}
	if got := c.estimate(end, &wanted); math.Abs(got-2000/cfg.Window.Hours()) > 2000 {
		t.Errorf("got %.0f per hour, want about 12000", got)
	}
}

// TestUnwantedBlocksStayBelowNoise: of blocks that nobody asks for next to
// none seems wanted.
func TestUnwantedBlocksStayBelowNoise(t *testing.T) {
	cfg := DefaultConfig()
	c := newTestCore(cfg)
	for i := range 50 {
		c.receive(start, testNode(i), summaryOf(cfg, newSeeded(byte(i))))
	}
	seen := 0
	for n := range 20_000 {
		cid := testCID(n)
		if c.estimate(start.Add(cfg.Window), &cid) > 0 {
			seen++
		}
	}
	if seen > 10 {
		t.Errorf("%d of 20000 blocks seem wanted, want about one", seen)
	}
}

// TestPopularBlocksDoNotHideEachOther: what many popular blocks leave in the
// cells is not taken for noise.
func TestPopularBlocksDoNotHideEachOther(t *testing.T) {
	cfg := DefaultConfig()
	const blocks, authors, each = 200, 20, 40
	var served []messages.CID
	for n := range blocks {
		served = append(served, repeat(testCID(n), each)...)
	}
	c := newTestCore(cfg)
	for i := range authors {
		c.receive(start, testNode(i), summaryOf(cfg, newSeeded(byte(i)), served...))
	}
	want, low := authors*each/cfg.Window.Hours(), 0
	for n := range blocks {
		cid := testCID(n)
		if c.estimate(start.Add(cfg.Window), &cid) < 0.8*want {
			low++
		}
	}
	if low > 0 {
		t.Errorf("of %d blocks %d seem wanted less than 0.8 of %.0f times an hour", blocks, low, want)
	}
}

// TestEstimatesWhileAWindowFills: members publish all over the window, so an
// estimate in its midst is as high as at its end.
func TestEstimatesWhileAWindowFills(t *testing.T) {
	cfg := smallConfig()
	cid := testCID(1)
	c := newTestCore(cfg)
	const members = 100
	for window := range 3 {
		payload := summaryIn(cfg, window, newSeeded(1), repeat(cid, 10)...)
		begin := start.Add(time.Duration(window) * cfg.Window)
		for i := range members {
			now := begin.Add(cfg.Window * time.Duration(i) / members)
			c.receive(now, testNode(i), payload)
			if window == 0 && i < members/2 {
				continue // half a window is too little to extrapolate
			}
			got, want := c.estimate(now, &cid), members*10/cfg.Window.Hours()
			if math.Abs(got-want) > want/10 {
				t.Fatalf("window %d, member %d: got %.0f per hour, want %.0f", window, i, got, want)
			}
		}
	}
}

// TestOwnShareCountsAtOnce: what this node served counts before and after it
// is published, without noise, and ages.
func TestOwnShareCountsAtOnce(t *testing.T) {
	cfg := DefaultConfig()
	cid := testCID(1)
	c := newTestCore(cfg)
	now := start.Add(cfg.Window / 4)
	c.serve(now, repeat(cid, 40))
	check := func(what string, now time.Time, low, high float64) {
		t.Helper()
		if got := c.estimate(now, &cid); got < low || got > high {
			t.Errorf("%s: got %.0f per hour, want %.0f to %.0f", what, got, low, high)
		}
	}
	check("just served", now, 40/(cfg.HotHalfLife.Hours()/math.Ln2)-1, 3400)
	check("half a window later", c.due(), 40/(cfg.Window.Hours()/2)-10, 480)
	c.publish(c.due(), newSeeded(1))
	check("published", start.Add(cfg.Window), 40/cfg.Window.Hours()-10, 250)
	c.publish(c.due(), newSeeded(1))
	c.publish(c.due(), newSeeded(1))
	check("long ago", c.due(), 0, 0.01)
}

// TestClockJumps: a machine that slept publishes nothing stale, and one whose
// clock is set back goes on.
func TestClockJumps(t *testing.T) {
	cfg := smallConfig()
	c := newTestCore(cfg)
	now := start.Add(cfg.Window * 50)
	if c.publish(now, newSeeded(1)) != nil {
		t.Error("a stale summary was published")
	}
	for _, jump := range []time.Duration{0, cfg.Window / 3, -cfg.Window / 3, -20 * cfg.Window} {
		now = now.Add(jump)
		c.publish(now, newSeeded(1))
		for range 3 {
			if d := c.due().Sub(now); d < cfg.Window/6 || d > 3*cfg.Window/2 {
				t.Fatalf("after a jump of %v the next summary is due in %v", jump, d)
			}
			now = c.due()
			if epoch := decode(t, c.publish(now, newSeeded(1))).Epoch; epoch != c.epochAt(now) {
				t.Fatalf("a summary of epoch %d in epoch %d", epoch, c.epochAt(now))
			}
		}
		if n := len(c.heard); n == 0 || c.heard[n-1].epoch != c.epochAt(now) {
			t.Fatalf("after a jump of %v the own summary was not merged", jump)
		}
	}
}
