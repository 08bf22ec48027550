package format

import "fmt"

// Version is the version of all formats. 0 may still change; 1 is frozen.
const Version = 0

// Limits that do not depend on the block size.
const (
	// BlockSizeMin and BlockSizeMax bound [Params.BlockSize], in bytes.
	BlockSizeMin = 1 << 10
	BlockSizeMax = 1 << 17
	// NameMax is the longest name of an entry in bytes, as in Linux.
	NameMax = 255
	// ModeMax is the largest mode: permission bits, setuid, setgid, sticky.
	ModeMax = 0o7777
	// FileSizeMax is the largest file in bytes (1 EiB).
	FileSizeMax = 1 << 60
	// InlineDepthMax is how many directories may stand inside each other in
	// one node.
	InlineDepthMax = 8
	// DirectoryLevelMax bounds the level of a directory node; leaves have
	// level 1.
	DirectoryLevelMax = 24
	// ModTimeSecondsMax bounds modification times, in seconds before or
	// after 1970 (about 34,000 years).
	ModTimeSecondsMax = 1 << 40
)

// Params is what the formats depend on. The zero value is invalid: use
// [Production], or in tests and simulations a smaller block.
type Params struct {
	// BlockSize is the size of every stored block in bytes: a power of two
	// in 1024..131072. A repository has one block size for all time.
	BlockSize int
}

// Production returns the parameters of real repositories: 131,072 bytes.
func Production() Params { return Params{BlockSize: BlockSizeMax} }

// Validate reports [ErrParams] unless the block size is allowed. Callers in
// production also require exactly [Production].
func (p Params) Validate() error {
	n := p.BlockSize
	if n < BlockSizeMin || n > BlockSizeMax || n&(n-1) != 0 {
		return fmt.Errorf("%w: block size %d is no power of two in %d..%d",
			ErrParams, n, BlockSizeMin, BlockSizeMax)
	}
	return nil
}

// NewBuffer returns a buffer of BlockSize bytes with room for a tag behind
// them, which is what [Seal] and [Open] need to work in place.
func (p Params) NewBuffer() []byte {
	return make([]byte, p.BlockSize, p.BlockSize+tagRoom)
}

// Fanout returns the most children of a content node: (BlockSize-256)/160.
// A child costs at most 159 bytes that do not compress: a ref of 149, and
// 10 when a run of holes stands before it. 817 in production.
func (p Params) Fanout() int { return (p.BlockSize - 256) / 160 }

// EntryChildrenMax returns the most content children that a directory entry
// carries: 8, or fewer where a block is too small for them.
func (p Params) EntryChildrenMax() int { return min(p.BlockSize/512, 8) }

// InlineMax returns the largest file in bytes that its root node carries:
// 100 KiB in production. It leaves room for a name and what does not
// compress.
func (p Params) InlineMax() int { return min(100<<10, p.BlockSize-512) }

// EntryInlineMax returns the largest file in bytes that a directory entry
// carries itself: 256 in production. Up to there a place in a pack, with
// its key and tag, hardly pays.
func (p Params) EntryInlineMax() int { return min(p.BlockSize/16, 256) }

// PackMax returns the largest file in bytes that goes into a pack: half a
// block (64 KiB in production), so that it lies in at most two chunks.
func (p Params) PackMax() int { return p.BlockSize / 2 }

// DirectoryInlineMax returns the encoded size in bytes up to which a
// directory is kept inside its parent's node: 32 KiB in production. Raising
// it saves blocks; it makes a change rewrite more.
func (p Params) DirectoryInlineMax() int { return p.BlockSize / 4 }

// TargetMax returns the longest target of a symlink in bytes: 4095, or
// fewer where a block is too small for it.
func (p Params) TargetMax() int { return min(p.BlockSize/2, 4095) }

// NodeMax returns the largest node in bytes before compression (1 MiB in
// production), which bounds what a decoder inflates.
func (p Params) NodeMax() int { return 8 * p.BlockSize }

// EntriesMax returns the most entries of one node, nested ones included.
func (p Params) EntriesMax() int { return p.BlockSize / 8 }

// leafMax is the size in bytes, before compression, up to which builders
// fill a node: it fits into a block even where nothing compresses. zstd adds
// at most 14 bytes and 3 for each 128 KiB then.
func (p Params) leafMax() int { return p.BlockSize - 64 }

// LevelMax returns the highest level of a file's content children: enough
// for a file of [FileSizeMax] in one directory entry. 5 in production.
func (p Params) LevelMax() uint8 {
	level, chunks := uint8(0), uint64(p.EntryChildrenMax())
	for chunks < p.ChunkCount(FileSizeMax) {
		chunks *= uint64(p.Fanout())
		level++
	}
	return level
}

// ChunkCount returns how many chunks a file of size bytes has.
func (p Params) ChunkCount(size uint64) uint64 {
	n := uint64(p.BlockSize)
	return size/n + (size%n+n-1)/n
}

// ChunkLength returns the bytes of chunk i in a file of size bytes: all but
// the last are full. 0 past the end.
func (p Params) ChunkLength(size, i uint64) int {
	n := uint64(p.BlockSize)
	if i >= p.ChunkCount(size) {
		return 0
	}
	return int(min(size-i*n, n))
}

// Span returns how many chunks a child of the level covers: Fanout^level.
// The level is at most [Params.LevelMax]; above it, the span of LevelMax.
func (p Params) Span(level uint8) uint64 {
	span := uint64(1)
	for range min(level, p.LevelMax()) {
		span *= uint64(p.Fanout())
	}
	return span
}

// childCount returns how many children of the level cover size bytes.
func (p Params) childCount(size uint64, level uint8) uint64 {
	chunks, span := p.ChunkCount(size), p.Span(level)
	return chunks/span + (chunks%span+span-1)/span
}
