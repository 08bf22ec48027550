package wire

import (
	"time"

	"github.com/noisefs/noisefs/messages"
)

// BlockRequest is the head of a packet of [messages.ProtocolBlock]: it asks
// for one block. Requests are for single blocks on purpose: nobody is told
// which blocks belong together.
//
//	message BlockRequest {
//	  bytes cid = 1;        // 32 bytes
//	  uint32 urgency = 2;   // messages.Urgency
//	  uint32 presence = 3;  // 1: only say whether you would serve it
//	}
type BlockRequest struct {
	CID      messages.CID
	Urgency  messages.Urgency
	Presence bool
}

// Append appends the encoding to b.
func (m BlockRequest) Append(b []byte) []byte {
	b = appendBytes(b, 1, m.CID[:])
	b = appendUint(b, 2, uint64(m.Urgency))
	if m.Presence {
		b = appendUint(b, 3, 1)
	}
	return b
}

// DecodeBlockRequest decodes a request.
func DecodeBlockRequest(b []byte) (BlockRequest, error) {
	var m BlockRequest
	r, named := newReader(b), false
	for r.next() {
		switch r.num {
		case 1:
			r.fixed(m.CID[:])
			named = true
		case 2:
			m.Urgency = messages.Urgency(r.uint(uint64(messages.UrgencyLater)))
		case 3:
			m.Presence = r.uint(1) == 1
		}
	}
	if !named {
		r.fail("no CID")
	}
	if r.err != nil {
		return BlockRequest{}, r.err
	}
	return m, nil
}

// BlockStatus is how a [BlockRequest] ended.
type BlockStatus uint8

// The statuses. A block that is kept but not for the network is absent.
const (
	BlockServed BlockStatus = 1 // the packet's one block is it
	BlockAbsent BlockStatus = 2
	BlockBusy   BlockStatus = 3 // ask somebody else, or later
	BlockHeld   BlockStatus = 4 // it would be served; only presence was asked for
)

// BlockResponse is the head of the answer to a [BlockRequest].
//
//	message BlockResponse {
//	  uint32 status = 1;
//	  uint32 load = 2;      // requests being served here, this one included
//	  uint32 wait_ms = 3;   // how long what waits to be sent will take
//	}
type BlockResponse struct {
	Status BlockStatus
	Load   uint32
	Wait   time.Duration // in whole milliseconds, at most BlockWaitMax
}

// BlockWaitMax bounds what a node may say of how far it is behind.
const BlockWaitMax = time.Hour

// Append appends the encoding to b.
func (m BlockResponse) Append(b []byte) []byte {
	b = appendUint(b, 1, uint64(m.Status))
	b = appendUint(b, 2, uint64(m.Load))
	return appendUint(b, 3, uint64(min(m.Wait, BlockWaitMax)/time.Millisecond))
}

// DecodeBlockResponse decodes a response.
func DecodeBlockResponse(b []byte) (BlockResponse, error) {
	var m BlockResponse
	r := newReader(b)
	for r.next() {
		switch r.num {
		case 1:
			m.Status = BlockStatus(r.uint(uint64(BlockHeld)))
		case 2:
			m.Load = uint32(r.uint(1 << 20))
		case 3:
			m.Wait = time.Duration(r.uint(uint64(BlockWaitMax/time.Millisecond))) * time.Millisecond
		}
	}
	if m.Status == 0 {
		r.fail("no status")
	}
	if r.err != nil {
		return BlockResponse{}, r.err
	}
	return m, nil
}
