package wire

import (
	"fmt"

	"github.com/noisefs/noisefs/messages"
)

// ReplicaItemsMax bounds the blocks that one [ReplicaRequest] speaks of.
const ReplicaItemsMax = 64

// leaseEndMax bounds the end of a lease, in seconds since 1970: some day in
// the year 2242, so that arithmetic on it cannot overflow.
const leaseEndMax = 1 << 33

// ReplicaKind is what a [ReplicaRequest] wants.
type ReplicaKind uint8

// The kinds.
const (
	// ReplicaOffer asks to hold blocks. For one that is held already it
	// renews the lease; for another the answer says whether it is wanted.
	ReplicaOffer ReplicaKind = 1
	// ReplicaPush brings the bytes: the packet's blocks, in order of the items.
	ReplicaPush ReplicaKind = 2
)

// ReplicaItem is a block and its lease.
type ReplicaItem struct {
	CID   messages.CID
	Until int64 // end of the lease, in seconds since 1970
}

// ReplicaRequest is the head of a packet of [messages.ProtocolReplica].
//
//	message ReplicaRequest {
//	  uint32 kind = 1;          // ReplicaKind
//	  repeated Item items = 2;  // 1..64
//	  message Item {
//	    bytes cid = 1;          // 32 bytes
//	    uint64 until = 2;
//	  }
//	}
type ReplicaRequest struct {
	Kind  ReplicaKind
	Items []ReplicaItem
}

// Append appends the encoding to b.
func (m ReplicaRequest) Append(b []byte) []byte {
	b = appendUint(b, 1, uint64(m.Kind))
	var scratch [48]byte
	for _, item := range m.Items {
		one := appendUint(appendBytes(scratch[:0], 1, item.CID[:]), 2, uint64(item.Until))
		b = appendBytes(b, 2, one)
	}
	return b
}

// DecodeReplicaRequest decodes a request.
func DecodeReplicaRequest(b []byte) (ReplicaRequest, error) {
	var m ReplicaRequest
	r := newReader(b)
	for r.next() {
		switch r.num {
		case 1:
			m.Kind = ReplicaKind(r.uint(uint64(ReplicaPush)))
		case 2:
			if len(m.Items) == ReplicaItemsMax {
				r.err = fmt.Errorf("%w: more than %d blocks", ErrTooLarge, ReplicaItemsMax)
				break
			}
			item, err := decodeReplicaItem(r.bytes(len(r.buf)))
			if r.err == nil {
				r.err = err
			}
			m.Items = append(m.Items, item)
		}
	}
	if m.Kind == 0 || len(m.Items) == 0 {
		r.fail("no kind, or no blocks")
	}
	if r.err != nil {
		return ReplicaRequest{}, r.err
	}
	return m, nil
}

func decodeReplicaItem(b []byte) (ReplicaItem, error) {
	var item ReplicaItem
	r, named := newReader(b), false
	for r.next() {
		switch r.num {
		case 1:
			r.fixed(item.CID[:])
			named = true
		case 2:
			item.Until = int64(r.uint(leaseEndMax))
		}
	}
	if !named {
		r.fail("no CID")
	}
	return item, r.err
}

// ReplicaVerdict is what a node says of a block that it was asked to hold.
type ReplicaVerdict uint8

// The verdicts.
const (
	ReplicaHeld    ReplicaVerdict = 1 // durable here, under the lease that was asked for
	ReplicaWanted  ReplicaVerdict = 2 // not held; it may be pushed now
	ReplicaComing  ReplicaVerdict = 3 // not held yet; somebody else has pushed it
	ReplicaRefused ReplicaVerdict = 4 // not held, and not wanted
	ReplicaBusy    ReplicaVerdict = 5 // says nothing; ask again later
)

// ReplicaResponse is the head of the answer to a [ReplicaRequest]: a verdict
// for each item, in order.
//
//	message ReplicaResponse {
//	  bytes verdicts = 1;  // a ReplicaVerdict each
//	}
type ReplicaResponse struct{ Verdicts []ReplicaVerdict }

// Append appends the encoding to b.
func (m ReplicaResponse) Append(b []byte) []byte {
	var scratch [ReplicaItemsMax]byte
	all := scratch[:0]
	for _, verdict := range m.Verdicts {
		all = append(all, byte(verdict))
	}
	return appendBytes(b, 1, all)
}

// DecodeReplicaResponse decodes a response.
func DecodeReplicaResponse(b []byte) (ReplicaResponse, error) {
	var m ReplicaResponse
	r := newReader(b)
	for r.next() {
		if r.num != 1 {
			continue
		}
		all := r.bytes(ReplicaItemsMax)
		m.Verdicts = make([]ReplicaVerdict, len(all))
		for i, verdict := range all {
			m.Verdicts[i] = ReplicaVerdict(verdict)
			if m.Verdicts[i] < ReplicaHeld || m.Verdicts[i] > ReplicaBusy {
				r.fail("no such verdict")
			}
		}
	}
	if len(m.Verdicts) == 0 {
		r.fail("no verdicts")
	}
	if r.err != nil {
		return ReplicaResponse{}, r.err
	}
	return m, nil
}
