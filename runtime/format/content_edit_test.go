package format

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

// editNodes is ContentNodes over a blockStore.
type editNodes struct {
	*blockStore
	stored int
}

func (s *editNodes) LoadNode(ref messages.BlockRef) (*ContentNode, error) {
	return s.node(ref).(*ContentNode), nil
}

func (s *editNodes) StoreNode(level uint8, payload []byte) (messages.BlockRef, error) {
	s.stored++
	return s.put(messages.KindNode, level, payload), nil
}

// Whatever is written, cut off and left out in any order: the tree has the refs
// that a list has to which the same was done.
func TestContentEditEqualsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := small
		store := &editNodes{blockStore: newBlockStore(t, p)}
		var content messages.Content
		var model []messages.BlockRef
		for round := range rapid.IntRange(1, 6).Draw(t, "rounds") {
			top := rapid.SampledFrom([]int{2, 40, 400}).Draw(t, "top") * p.BlockSize
			size := uint64(rapid.IntRange(0, top).Draw(t, "size"))
			chunks := p.ChunkCount(size)
			had := uint64(len(model))
			cut := min(had, uint64(rapid.IntRange(0, 2*int(had)).Draw(t, "cut")))
			want := make([]messages.BlockRef, chunks)
			copy(want, model[:min(cut, chunks)])
			changes := make(map[uint64]messages.BlockRef)
			change := func(i uint64) {
				changes[i] = messages.BlockRef{}
				if rapid.IntRange(0, 3).Draw(t, "hole") > 0 {
					changes[i] = testRef(uint64(round)<<32|i, 0, p.ChunkLength(size, i))
				}
				want[i] = changes[i]
			}
			for range rapid.IntRange(0, 5).Draw(t, "changes") {
				if chunks > 0 {
					change(rapid.Uint64Range(0, chunks-1).Draw(t, "chunk"))
				}
			}
			for i, ref := range want { // ends that came or went
				if !ref.IsZero() && int(ref.Length) != p.ChunkLength(size, uint64(i)) {
					change(uint64(i))
				}
			}
			before := content
			var err error
			content, err = EditContent(p, ContentChange{
				Base: content, Cut: cut, Size: size, Chunks: changes,
			}, store)
			if err != nil {
				t.Fatalf("edit: %v", err)
			}
			if got := store.readRefs(content); !equalRefs(got, want) || content.Size != size {
				t.Fatalf("round %d: %d chunks are not as the model of %d", round, len(got), len(want))
			}
			if got := store.readRefs(before); !equalRefs(got, model) {
				t.Fatalf("round %d: the base has changed", round)
			}
			model = want
		}
	})
}

func equalRefs(a, b []messages.BlockRef) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// A changed chunk costs the nodes above it, and no others.
func TestContentEditCostsTheDepth(t *testing.T) {
	p := small
	store := &editNodes{blockStore: newBlockStore(t, p)}
	chunks := 3 * p.Fanout() * p.Fanout()
	size := uint64(chunks * p.BlockSize)
	all := make(map[uint64]messages.BlockRef)
	for i := range uint64(chunks) {
		all[i] = testRef(i, 0, p.BlockSize)
	}
	content, err := EditContent(p, ContentChange{Size: size, Chunks: all}, store)
	if err != nil {
		t.Fatal(err)
	}
	store.stored = 0
	one := map[uint64]messages.BlockRef{uint64(chunks / 2): testRef(1<<40, 0, p.BlockSize)}
	_, err = EditContent(p, ContentChange{
		Base: content, Cut: uint64(chunks), Size: size, Chunks: one,
	}, store)
	if err != nil {
		t.Fatal(err)
	}
	if store.stored != int(content.Level) {
		t.Errorf("%d nodes were stored for one chunk below %d levels", store.stored, content.Level)
	}
}

func TestContentEditRefuses(t *testing.T) {
	p := small
	block := uint64(p.BlockSize)
	tests := []struct {
		name   string
		change ContentChange
		want   error
	}{
		{"a short chunk in the middle", ContentChange{
			Size: 2 * block, Chunks: map[uint64]messages.BlockRef{0: testRef(1, 0, 5)},
		}, ErrBadRef},
		{"an end that was not written anew", ContentChange{
			Base: messages.Content{Size: 5, Children: []messages.BlockRef{testRef(1, 0, 5)}},
			Cut:  1, Size: block,
		}, ErrBadRef},
		{"inline content", ContentChange{
			Base: messages.Content{Size: 1, Inline: []byte{1}}, Cut: 1, Size: block,
		}, ErrMalformed},
		{"too large", ContentChange{Size: 1<<64 - 1}, ErrTooLarge},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			store := &editNodes{blockStore: newBlockStore(t, p)}
			if _, err := EditContent(p, test.change, store); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}
