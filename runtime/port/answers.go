package port

import "github.com/noisefs/noisefs/messages"

// UsageAnswer makes the answer to Blocks.Usage, for every adapter alike.
func UsageAnswer(corr messages.Corr, usage BlockUsage) messages.BlocksUsage {
	return messages.BlocksUsage{
		Answer: messages.Answer{Corr: corr},
		Blocks: usage.Blocks, LiveBytes: usage.LiveBytes,
		DiskBytes: usage.DiskBytes, FreeBytes: usage.FreeBytes,
	}
}

// GetAll reads blocks one after the other and makes the answer to
// Blocks.Get, for every adapter alike. It blocks.
func GetAll(
	engine BlockEngine, corr messages.Corr, cids []messages.CID, verify bool,
) messages.BlocksGot {
	got := messages.BlocksGot{
		Answer: messages.Answer{Corr: corr}, Blocks: make([]messages.Block, len(cids)),
	}
	for i, cid := range cids {
		data, err := engine.Get(cid, nil, verify)
		if err != nil {
			if got.Errs == nil {
				got.Errs = make([]error, len(cids))
			}
			got.Errs[i] = err
		}
		got.Blocks[i] = messages.Block{CID: cid, Data: data}
	}
	return got
}

// CompactOne compacts one segment at most and makes the answer to
// Blocks.Compact, for every adapter alike. It blocks.
func CompactOne(
	engine BlockEngine, corr messages.Corr, deadShare float64,
) messages.BlocksCompacted {
	asked := 0
	freed, err := engine.Compact(deadShare, func() bool {
		asked++
		return asked > 1
	})
	return messages.BlocksCompacted{
		Answer: messages.Answer{Corr: corr}, FreedBytes: freed, Err: err,
		More: asked > 1 && err == nil, // there was one, so there may be another
	}
}
