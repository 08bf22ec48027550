package draft_test

import (
	"context"
	"encoding/binary"
	"io"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/draft"
	"github.com/noisefs/noisefs/runtime/format"
)

// memory is a Store in memory that is as strict as it may be: a block can be read
// only after a sync, content is committed only of what is durable, and blocks that
// no content names are gone with Release.
type memory struct {
	p       format.Params
	blocks  map[messages.CID]block
	last    uint64
	content messages.Content
	modTime time.Time
	commits int
	seals   int
	removed bool

	full error // of the next seals, once they are waited for
	busy error // of the next commits
}

type block struct {
	kind    messages.BlockKind
	data    []byte
	durable bool
}

func newMemory(p format.Params) *memory {
	return &memory{p: p, blocks: make(map[messages.CID]block)}
}

func (m *memory) draft(budget *draft.Budget) *draft.Draft {
	return draft.New(m.p, m, budget, m.content, m.modTime)
}

// done is a sealing that is over.
type done struct {
	ref messages.BlockRef
	err error
}

func (d done) Wait(context.Context) (messages.BlockRef, error) { return d.ref, d.err }

func (m *memory) Seal(
	_ context.Context, kind messages.BlockKind, level uint8, data []byte,
) (draft.Sealing, error) {
	if len(data) < 1 || cap(data) < m.p.BlockSize {
		panic("not what the splitter takes")
	}
	if m.full != nil {
		clear(data)
		return done{err: m.full}, nil
	}
	m.last++
	m.seals++
	ref := messages.BlockRef{Level: level, Length: uint32(len(data))}
	binary.BigEndian.PutUint64(ref.D[:], m.last)
	ref.A[0], ref.B[0], ref.Key[0] = 1, 2, 3
	m.blocks[ref.D] = block{kind: kind, data: append([]byte(nil), data...)}
	clear(data) // it is sealed in place
	return done{ref: ref}, nil
}

func (m *memory) Sync(context.Context) error {
	for d, b := range m.blocks {
		b.durable = true
		m.blocks[d] = b
	}
	return nil
}

func (m *memory) Unseal(
	_ context.Context, ref messages.BlockRef, kind messages.BlockKind,
) ([]byte, error) {
	b, ok := m.blocks[ref.D]
	if !ok || !b.durable || b.kind != kind {
		return nil, messages.Errorf(messages.CodeUnavailable, "no such block")
	}
	return b.data, nil
}

func (m *memory) Commit(
	_ context.Context, content messages.Content, modTime time.Time,
) error {
	switch {
	case m.removed:
		return messages.Errorf(messages.CodeNotFound, "no such file")
	case m.busy != nil:
		return m.busy
	}
	for d := range m.needed(content) {
		if !m.blocks[d].durable {
			panic("content of a block that is not durable")
		}
	}
	m.content, m.modTime = content, modTime
	m.commits++
	return nil
}

func (m *memory) Release() {
	needed := m.needed(m.content)
	for d := range m.blocks {
		if !needed[d] {
			delete(m.blocks, d)
		}
	}
}

// needed is the blocks that content names.
func (m *memory) needed(c messages.Content) map[messages.CID]bool {
	all := make(map[messages.CID]bool)
	var walk func(refs []messages.BlockRef)
	walk = func(refs []messages.BlockRef) {
		for _, ref := range refs {
			if ref.IsZero() || all[ref.D] {
				continue
			}
			all[ref.D] = true
			if ref.Level > 0 {
				walk(m.node(ref).Children)
			}
		}
	}
	walk(c.Children)
	return all
}

func (m *memory) node(ref messages.BlockRef) *format.ContentNode {
	node, err := format.DecodeNode(m.p, ref.Level, m.blocks[ref.D].data)
	if err != nil {
		panic(err)
	}
	return node.(*format.ContentNode)
}

// bytes is what content says, read without a draft.
func (m *memory) bytes(c messages.Content) []byte {
	out := make([]byte, 0, c.Size)
	if len(c.Inline) > 0 {
		return append(out, c.Inline...)
	}
	for i := range m.p.ChunkCount(c.Size) {
		child, rest := format.Locate(m.p, c.Level, i)
		ref := c.Children[child]
		for ref.Level > 0 {
			child, rest = format.Locate(m.p, ref.Level-1, rest)
			ref = m.node(ref).Child(child)
		}
		length := m.p.ChunkLength(c.Size, i)
		if ref.IsZero() {
			out = append(out, make([]byte, length)...)
			continue
		}
		if int(ref.Length) != length {
			panic("a chunk of another length than is due")
		}
		out = append(out, m.blocks[ref.D].data...)
	}
	return out
}

// contentReader reads content.
type contentReader struct{ data []byte }

func (m *memory) OpenContent(
	_ context.Context, c messages.Content,
) (draft.Reader, error) {
	return contentReader{m.bytes(c)}, nil
}

func (r contentReader) ReadAt(_ context.Context, p []byte, offset int64) (int, error) {
	if offset >= int64(len(r.data)) {
		return 0, io.EOF
	}
	n := copy(p, r.data[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (contentReader) Close() error { return nil }
