package wire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/noisefs/noisefs/messages"
)

func testSummary() DemandSummary {
	return DemandSummary{
		Epoch: 3_155_000, WindowSeconds: 600, Depth: 2,
		Cells: []byte{DemandZero, DemandZero - 3, 0, 255, 200, DemandZero + 1},
	}
}

func sameSummary(a, b DemandSummary) bool {
	return a.Epoch == b.Epoch && a.WindowSeconds == b.WindowSeconds && a.Depth == b.Depth &&
		bytes.Equal(a.Cells, b.Cells)
}

func TestDemandSummaryComesBack(t *testing.T) {
	want := testSummary()
	newer := appendBytes(want.Append(nil), 99, "from the future")
	for _, b := range [][]byte{want.Append(nil), newer} {
		if got, err := DecodeDemandSummary(b); err != nil || !sameSummary(got, want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
}

func TestLargestDemandSummaryFitsGossip(t *testing.T) {
	largest := DemandSummary{
		Epoch: demandEpochMax, WindowSeconds: DemandWindowSecondsMax, Depth: DemandDepthMax,
		Cells: make([]byte, DemandCellsMax),
	}
	b := largest.Append(nil)
	if len(b) > messages.GossipMax {
		t.Fatalf("%d bytes, and gossip takes %d", len(b), messages.GossipMax)
	}
	if got, err := DecodeDemandSummary(b); err != nil || !sameSummary(got, largest) {
		t.Fatalf("it did not come back: %v", err)
	}
}

func TestDemandSummaryRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*DemandSummary)
		want   error
	}{
		"NoWindow":   {func(m *DemandSummary) { m.WindowSeconds = 0 }, ErrMalformed},
		"LongWindow": {func(m *DemandSummary) { m.WindowSeconds = DemandWindowSecondsMax + 1 }, ErrTooLarge},
		"LateEpoch":  {func(m *DemandSummary) { m.Epoch = demandEpochMax + 1 }, ErrTooLarge},
		"NoDepth":    {func(m *DemandSummary) { m.Depth = 0 }, ErrMalformed},
		"Deep":       {func(m *DemandSummary) { m.Depth = DemandDepthMax + 1 }, ErrTooLarge},
		"NoCells":    {func(m *DemandSummary) { m.Cells = nil }, ErrMalformed},
		"HalfRow":    {func(m *DemandSummary) { m.Cells = m.Cells[:5] }, ErrMalformed},
		"ManyCells": {
			func(m *DemandSummary) { m.Cells = make([]byte, DemandCellsMax+2) }, ErrTooLarge,
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := testSummary()
			test.change(&m)
			if got, err := DecodeDemandSummary(m.Append(nil)); !errors.Is(err, test.want) {
				t.Errorf("got %+v, %v; want %v", got, err, test.want)
			}
		})
	}
	whole := testSummary().Append(nil)
	for n := range whole {
		if _, err := DecodeDemandSummary(whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes were accepted", n, len(whole))
		}
	}
}

func FuzzDemandSummary(f *testing.F) {
	f.Add(testSummary().Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeDemandSummary(b)
		if err != nil {
			return
		}
		again, err := DecodeDemandSummary(m.Append(nil))
		if err != nil || !sameSummary(again, m) {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}
