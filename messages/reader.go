package messages

// ForReader is what the reader receives.
type ForReader interface{ forReader() }

// HandleID names content that is open for reading.
type HandleID uint64

// OpenContent opens content for range reads. Reply: [ContentOpened].
type OpenContent struct {
	Call
	Content Content
}

// ContentOpened replies to [OpenContent].
type ContentOpened struct {
	Answer
	Handle HandleID
}

// ReadRange reads up to Length bytes from Offset. Reply: [RangeRead].
type ReadRange struct {
	Call
	Handle HandleID
	Offset uint64
	Length int // 1..ReadRangeMax
}

// ReadRangeMax bounds Length of one [ReadRange], in bytes.
const ReadRangeMax = 1 << 20

// RangeRead replies to [ReadRange]. The parts, put together, are the bytes;
// fewer than asked only at the end of the file. A part without Data
// is a hole. Parts are shared: the receiver does not write to them.
type RangeRead struct {
	Answer
	Parts []Part
}

// Part is a run of bytes: Data, or Zeros zero bytes of a hole when Data is
// nil.
type Part struct {
	Data  []byte
	Zeros int
}

// Len is the number of bytes of the part.
func (p Part) Len() int {
	if p.Data != nil {
		return len(p.Data)
	}
	return p.Zeros
}

// CloseContent closes a handle. Reply: [ContentClosed].
type CloseContent struct {
	Call
	Handle HandleID
}

// ContentClosed replies to [CloseContent].
type ContentClosed struct{ Answer }

// CloseContents closes all handles that the asker opened: an incarnation that
// begins closes those of the one before. Reply: [ContentsClosed].
type CloseContents struct{ Call }

// ContentsClosed replies to [CloseContents].
type ContentsClosed struct{ Answer }

// UnsealBlock reads and opens one block. Reply: [BlockUnsealed], or Failed
// with CodeNotFound or CodeCorrupt.
type UnsealBlock struct {
	Call
	Ref  BlockRef
	Kind BlockKind
}

// BlockUnsealed replies to [UnsealBlock] with the plaintext, cut to its
// length. It is shared: nobody writes to it.
type BlockUnsealed struct {
	Answer
	Data []byte
}

func (OpenContent) forReader()   {}
func (ReadRange) forReader()     {}
func (CloseContent) forReader()  {}
func (CloseContents) forReader() {}
func (UnsealBlock) forReader()   {}
func (ForgetBlocks) forReader()  {}
func (BlocksRead) forReader()    {}
func (WorkDone) forReader()      {}
func (Failed) forReader()        {}
