package wire

// Bounds of a [DemandSummary].
const (
	DemandDepthMax         = 8
	DemandCellsMax         = 32 << 10
	demandEpochMax         = 1 << 40
	DemandWindowSecondsMax = 7 * 24 * 3600
)

// DemandZero is what a cell of value 0 is sent as: cells are counts with
// noise, which may be negative.
const DemandZero = 64

// DemandSummary is the payload of messages.TopicPopularity: how much one
// node served in one window, as a count-min sketch with noise. Its author is
// the one who signed the gossip message.
//
//	message DemandSummary {
//	  uint64 epoch = 1;     // number of the window: Unix time / window
//	  uint32 window = 2;    // its length in seconds
//	  uint32 depth = 3;     // rows of the sketch, 1..8
//	  bytes cells = 4;      // row after row, one byte a cell: value + 64
//	}
type DemandSummary struct {
	Epoch         uint64
	WindowSeconds uint32
	Depth         int
	Cells         []byte // a multiple of Depth, up to DemandCellsMax
}

// Append appends the encoding to b.
func (m DemandSummary) Append(b []byte) []byte {
	b = appendUint(b, 1, m.Epoch)
	b = appendUint(b, 2, uint64(m.WindowSeconds))
	b = appendUint(b, 3, uint64(m.Depth))
	return appendBytes(b, 4, m.Cells)
}

// DecodeDemandSummary decodes a summary. Cells is a part of b, not a copy:
// whoever keeps it keeps b unchanged.
func DecodeDemandSummary(b []byte) (DemandSummary, error) {
	var m DemandSummary
	r := newReader(b)
	for r.next() {
		switch r.num {
		case 1:
			m.Epoch = r.uint(demandEpochMax)
		case 2:
			m.WindowSeconds = uint32(r.uint(DemandWindowSecondsMax))
		case 3:
			m.Depth = int(r.uint(DemandDepthMax))
		case 4:
			m.Cells = r.bytes(DemandCellsMax)
		}
	}
	switch {
	case m.WindowSeconds == 0:
		r.fail("no window")
	case m.Depth == 0:
		r.fail("no depth")
	case len(m.Cells) == 0 || len(m.Cells)%m.Depth != 0:
		r.fail("cells that are not whole rows")
	}
	if r.err != nil {
		return DemandSummary{}, r.err
	}
	return m, nil
}
