package splitter

import "github.com/noisefs/noisefs/messages"

// keptBlocks keeps the bytes of the blocks B that were used last, first in,
// first out. B comes from a small pool, so nearly every block is found here.
type keptBlocks struct {
	max   int
	data  map[messages.CID][]byte
	order []messages.CID // a ring once it is full
	next  int
}

func newKeptBlocks(size int) *keptBlocks {
	return &keptBlocks{max: size, data: make(map[messages.CID][]byte)}
}

func (k *keptBlocks) get(cid messages.CID) []byte { return k.data[cid] }

func (k *keptBlocks) put(cid messages.CID, data []byte) {
	if k.max == 0 || k.data[cid] != nil {
		return
	}
	k.data[cid] = data
	if len(k.order) < k.max {
		k.order = append(k.order, cid)
		return
	}
	delete(k.data, k.order[k.next])
	k.order[k.next] = cid
	k.next = (k.next + 1) % k.max
}
