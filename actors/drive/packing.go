package drive

import (
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// packer lays small files that were sealed one by one into chunks, one after
// the other. A file may begin in one chunk and end in the next.
type packer struct {
	blockSize int
	current   *sealing // the chunk being filled
	buffer    []byte   // its bytes so far

	first uint64                // the next file to be laid
	last  uint64                // the last file that was begun
	ready map[uint64]*smallFile // sealed files that wait for an earlier one
}

// smallFile is a file on its way into a pack.
type smallFile struct {
	key    messages.Secret
	packed format.Packed
	size   uint64

	chunks []*sealing
	offset int
	length int // of the sealed bytes, once placed
	placed bool
}

// sealing is a block whose ref is not known before it is sealed.
type sealing struct {
	ref  messages.BlockRef
	done bool
}

func newPacker(blockSize int) packer {
	return packer{blockSize: blockSize, first: 1, ready: make(map[uint64]*smallFile)}
}

// begin numbers a file that is to be sealed.
func (k *packer) begin() uint64 {
	k.last++
	return k.last
}

// jobs is how many files were begun and are not laid yet.
func (k *packer) jobs() int { return int(k.last + 1 - k.first) }

// fullChunk is a chunk that is to be sealed.
type fullChunk struct {
	sealing *sealing
	data    []byte // passes to the receiver
}

// lay takes a sealed file and lays it, and those that waited for it, in the
// order in which they were begun. It returns the chunks that became full.
func (k *packer) lay(number uint64, file *smallFile) []fullChunk {
	k.ready[number] = file
	var full []fullChunk
	for {
		next, ok := k.ready[k.first]
		if !ok {
			return full
		}
		delete(k.ready, k.first)
		k.first++
		full = k.place(next, full)
	}
}

func (k *packer) place(file *smallFile, full []fullChunk) []fullChunk {
	file.offset, file.length = len(k.buffer), len(file.packed.Sealed)
	rest := file.packed.Sealed
	for len(rest) > 0 {
		if k.current == nil {
			k.current, k.buffer = new(sealing), make([]byte, 0, k.blockSize)
		}
		file.chunks = append(file.chunks, k.current)
		n := min(len(rest), k.blockSize-len(k.buffer))
		k.buffer = append(k.buffer, rest[:n]...)
		rest = rest[n:]
		if len(k.buffer) == k.blockSize {
			full = append(full, k.flush()...)
		}
	}
	file.packed.Sealed = nil
	file.placed = true
	return full
}

// flush ends the chunk being filled, full or not.
func (k *packer) flush() []fullChunk {
	if k.current == nil {
		return nil
	}
	full := fullChunk{k.current, k.buffer}
	k.current, k.buffer = nil, nil
	return []fullChunk{full}
}

// isResolved reports whether all that the file's ref holds is known.
func (f *smallFile) isResolved() bool {
	if !f.placed {
		return false
	}
	for _, chunk := range f.chunks {
		if !chunk.done {
			return false
		}
	}
	return true
}

// content is the file's content, once it is resolved.
func (f *smallFile) content() messages.Content {
	ref := &messages.PackRef{
		Offset: uint32(f.offset), Length: uint32(f.length),
		Key: f.key, Tag: f.packed.Tag, Packed: f.packed.Packed,
	}
	for _, chunk := range f.chunks {
		ref.Chunks = append(ref.Chunks, chunk.ref)
	}
	return messages.Content{Size: f.size, Pack: ref}
}
