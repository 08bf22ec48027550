package bitswap

import (
	"context"
	"errors"
	"time"

	"github.com/ipfs/boxo/blockstore"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	"github.com/multiformats/go-multihash"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// errReadOnly answers what a server has no business to call.
var errReadOnly = errors.New("bitswap: the replicas are only read here")

// errNoAnswer: the store said nothing that can be used.
var errNoAnswer = errors.New("bitswap: the store did not answer")

var _ blockstore.Blockstore = (*replicas)(nil)

// replicas is what this node holds for the network, as boxo's server sees it.
// Whatever the reason, a block that it may not have is not found: other errors
// are logged by boxo, with the CID.
type replicas struct {
	ask    Ask
	ended  context.Context
	bounds Bounds
}

// digestOf returns the block that a CID names; false if it can be none of ours.
func digestOf(c cid.Cid) (messages.CID, bool) {
	var digest messages.CID
	decoded, err := multihash.Decode(c.Hash())
	if err != nil || c.Version() != 1 || c.Type() != cid.Raw ||
		decoded.Code != multihash.SHA2_256 || len(decoded.Digest) != len(digest) {
		return digest, false
	}
	copy(digest[:], decoded.Digest)
	return digest, true
}

// cidOf returns the name of a block in IPFS.
func cidOf(digest messages.CID) cid.Cid {
	hash, err := multihash.Encode(digest[:], multihash.SHA2_256)
	if err != nil {
		panic("bitswap: 32 bytes are no SHA-256") // they are
	}
	return cid.NewCidV1(cid.Raw, hash)
}

// Has implements [blockstore.Blockstore]: whether the block would be served.
func (r *replicas) Has(ctx context.Context, c cid.Cid) (bool, error) {
	digest, ours := digestOf(c)
	if !ours {
		return false, nil
	}
	status, _, err := r.request(ctx, wire.BlockRequest{CID: digest, Presence: true})
	return err == nil && status == wire.BlockHeld, nil
}

// GetSize implements [blockstore.Blockstore].
func (r *replicas) GetSize(ctx context.Context, c cid.Cid) (int, error) {
	if has, _ := r.Has(ctx, c); !has {
		return -1, ipld.ErrNotFound{Cid: c}
	}
	return r.bounds.BlockBytes, nil
}

// Get implements [blockstore.Blockstore].
func (r *replicas) Get(ctx context.Context, c cid.Cid) (blocks.Block, error) {
	digest, ours := digestOf(c)
	if !ours {
		return nil, ipld.ErrNotFound{Cid: c}
	}
	status, packet, err := r.request(ctx, wire.BlockRequest{
		CID: digest, Urgency: messages.UrgencySoon,
	})
	if err != nil || status != wire.BlockServed || len(packet.Blocks) != 1 {
		return nil, ipld.ErrNotFound{Cid: c}
	}
	return blocks.NewBlockWithCid(packet.Blocks[0], c)
}

// busyWait is the first pause before the store is asked again; each one
// doubles.
const busyWait = 50 * time.Millisecond

// request asks the store, again and again while it is busy.
func (r *replicas) request(
	ctx context.Context, request wire.BlockRequest,
) (wire.BlockStatus, messages.Packet, error) {
	ctx, cancel := context.WithTimeout(ctx, r.bounds.AskTimeout)
	defer cancel()
	stop := context.AfterFunc(r.ended, cancel)
	defer stop()
	for wait := busyWait; ; wait *= 2 {
		packet, err := r.ask(ctx, messages.Packet{Head: request.Append(nil)})
		if err != nil {
			return 0, messages.Packet{}, errNoAnswer
		}
		response, err := wire.DecodeBlockResponse(packet.Head)
		if err != nil {
			return 0, messages.Packet{}, errNoAnswer
		}
		if response.Status != wire.BlockBusy {
			return response.Status, packet, nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return 0, messages.Packet{}, errNoAnswer
		}
	}
}

// DeleteBlock implements [blockstore.Blockstore].
func (r *replicas) DeleteBlock(context.Context, cid.Cid) error { return errReadOnly }

// Put implements [blockstore.Blockstore].
func (r *replicas) Put(context.Context, blocks.Block) error { return errReadOnly }

// PutMany implements [blockstore.Blockstore].
func (r *replicas) PutMany(context.Context, []blocks.Block) error { return errReadOnly }

// AllKeysChan implements [blockstore.Blockstore]: nobody gets a list.
func (r *replicas) AllKeysChan(context.Context) (<-chan cid.Cid, error) {
	return nil, errReadOnly
}
