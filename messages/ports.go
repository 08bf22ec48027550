package messages

// Answers of ports. Each goes only to the incarnation that asked.

// BlocksPut answers Blocks.Put: all blocks are durable, or Err says why not.
type BlocksPut struct {
	Answer
	Err error
}

// BlocksGot answers Blocks.Get, in the order asked: Errs[i] is nil and
// Blocks[i].Data is set, or Errs[i] says why not. Errs is nil when all went
// well.
type BlocksGot struct {
	Answer
	Blocks []Block
	Errs   []error
}

// BlocksHad answers Blocks.Has, in the order asked.
type BlocksHad struct {
	Answer
	Has []bool
}

// BlocksDeleted answers Blocks.Delete.
type BlocksDeleted struct {
	Answer
	Err error
}

// BlocksListed answers Blocks.List.
type BlocksListed struct {
	Answer
	CIDs []CID
	More bool
}

// BlocksUsage answers Blocks.Usage.
type BlocksUsage struct {
	Answer
	Blocks, LiveBytes, DiskBytes, FreeBytes int64
}

// BlocksCompacted answers Blocks.Compact.
type BlocksCompacted struct {
	Answer
	FreedBytes int64
	More       bool
	Err        error
}

// IndexCommitted answers Index.Commit. Err is nil, wraps
// port.ErrRowExists or port.ErrRowChanged when a condition failed (and then
// nothing was written), or tells why the commit failed.
type IndexCommitted struct {
	Answer
	Err error
}

// IndexGot answers Index.Get, in the order asked; a missing row is nil.
type IndexGot struct {
	Answer
	Values [][]byte
	Err    error
}

// IndexScanned answers Index.Scan.
type IndexScanned struct {
	Answer
	Rows []Row
	Next []byte // where to go on; nil at the end
	Err  error
}

// Row is a row of the index in the clear, as actors see it.
type Row struct {
	Key   []byte
	Value []byte
}

// WorkDone answers Workers.Do. Err is set when the work panicked.
type WorkDone struct {
	Answer
	Result any
	Err    error
}
