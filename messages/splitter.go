package messages

// ForSplitter is what the splitter receives.
type ForSplitter interface{ forSplitter() }

// OpenStream starts a stream of blocks. Reply: [StreamOpened].
type OpenStream struct {
	Call
	// ChildrenMax bounds the children of the resulting [Content]: small
	// where it stands in a directory entry, large in a file's own root.
	ChildrenMax int
}

// StreamOpened replies to [OpenStream]. The asker keeps at most Window
// [WriteChunk] commands unanswered.
type StreamOpened struct {
	Answer
	Stream StreamID
	Window int
}

// WriteChunk adds a chunk of the file. Data is BlockSize bytes, fewer only
// for the last chunk, and nil for a hole (a chunk of zeros); its capacity is
// at least BlockSize; with room for a tag behind that it is not copied.
// Data passes to the splitter, which pads and seals it in place. Reply: [ChunkWritten], which gives back one credit of the window.
type WriteChunk struct {
	Call
	Stream StreamID
	Index  uint64 // 0, 1, 2, …
	Data   []byte
}

// ChunkWritten replies to [WriteChunk]: the chunk is sealed and on its way;
// it is durable when [FinishStream] or [SyncStream] is answered.
type ChunkWritten struct{ Answer }

// FinishStream ends the file: all chunks were sent. Reply: [StreamFinished]
// when every block is durable. The stream stays open (its blocks are kept
// from the collector) until [CloseStream].
type FinishStream struct {
	Call
	Stream StreamID
	Size   uint64 // bytes
}

// StreamFinished replies to [FinishStream].
type StreamFinished struct {
	Answer
	Content Content
}

// SealBlock seals one block outside the file's content: a node or a pack
// chunk. Data is its plaintext, 1..BlockSize bytes with a capacity of at
// least BlockSize, and passes to the splitter. Reply: [BlockSealed].
type SealBlock struct {
	Call
	Stream StreamID
	Kind   BlockKind
	Level  uint8
	Data   []byte
}

// BlockSealed replies to [SealBlock] as soon as the ref is known; the block
// is durable when [SyncStream] is answered.
type BlockSealed struct {
	Answer
	Ref BlockRef
}

// SyncStream waits until all that was written to the stream so far is
// durable. Reply: [StreamSynced].
type SyncStream struct {
	Call
	Stream StreamID
}

// StreamSynced replies to [SyncStream].
type StreamSynced struct{ Answer }

// CloseStream forgets a stream, finished or not: from now on its blocks are
// kept only if something in the index needs them. Reply: [StreamClosed].
type CloseStream struct {
	Call
	Stream StreamID
}

// StreamClosed replies to [CloseStream].
type StreamClosed struct{ Answer }

// CloseStreams closes all streams that the asker opened: an incarnation that
// begins closes those of the one before. Reply: [StreamsClosed].
type CloseStreams struct{ Call }

// StreamsClosed replies to [CloseStreams].
type StreamsClosed struct{ Answer }

// ListInFlight asks for every block that open streams need. Reply:
// [InFlightListed].
type ListInFlight struct{ Call }

// InFlightListed replies to [ListInFlight]: the refs that open streams hold
// (whose subtrees are needed too, by level), and the pool blocks that
// tuples under way use.
type InFlightListed struct {
	Answer
	Refs   []NeededRef
	Blocks []CID
}

// NeededRef is a ref with the kind that opens it.
type NeededRef struct {
	Ref  BlockRef
	Kind BlockKind
}

func (OpenStream) forSplitter()      {}
func (WriteChunk) forSplitter()      {}
func (FinishStream) forSplitter()    {}
func (SealBlock) forSplitter()       {}
func (SyncStream) forSplitter()      {}
func (CloseStream) forSplitter()     {}
func (CloseStreams) forSplitter()    {}
func (ListInFlight) forSplitter()    {}
func (TuplesReserved) forSplitter()  {}
func (TuplesCommitted) forSplitter() {}
func (StreamEnded) forSplitter()     {}
func (BlocksRead) forSplitter()      {}
func (BlocksStored) forSplitter()    {}
func (Failed) forSplitter()          {}
func (WorkDone) forSplitter()        {}
