package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// ErrFrame reports bytes that are no frame, or one that breaks a bound.
var ErrFrame = errors.New("cluster: malformed frame")

// frameKind says what a frame is.
type frameKind uint8

// The kinds. The first three go from who opened the stream to the other side,
// the others come back.
const (
	frameSend     frameKind = 1 // a packet that wants no answer
	frameRequest  frameKind = 2
	frameCancel   frameKind = 3 // nobody waits for the answer any more
	frameResponse frameKind = 4
	frameRefusal  frameKind = 5 // there will be no response
)

// frame is what a stream carries. All numbers are big-endian:
//
//	1 byte   kind
//	1 byte   number of blocks, up to messages.PacketBlocksMax
//	2 bytes  reserved: ignored, sent as 0
//	4 bytes  length of the head, up to messages.PacketHeadMax
//	4 bytes  how long the asker will wait, in milliseconds; of requests only
//	8 bytes  number of the request, chosen by the asker; 0 for a send
//	4 bytes  for each block its length, up to a block's
//	         the head, then the blocks
type frame struct {
	kind   frameKind
	number uint64
	wait   time.Duration
	packet messages.Packet
}

// frameHeadBytes is the fixed part of a frame.
const frameHeadBytes = 20

// waitMax bounds for how long a request may be under way, as the other side
// sees it.
const waitMax = 2 * time.Minute

// waitMin is for how long a request counts at least that nobody answers,
// whatever the other side says: what it made this node do is not undone.
const waitMin = time.Second

// tooLarge reports whether a packet breaks a bound.
func tooLarge(p messages.Packet, blockBytesMax int) bool {
	if len(p.Head) > messages.PacketHeadMax || len(p.Blocks) > messages.PacketBlocksMax {
		return true
	}
	for _, block := range p.Blocks {
		if len(block) > blockBytesMax {
			return true
		}
	}
	return false
}

// size is how many bytes the frame takes on a stream.
func (f *frame) size() int {
	size := frameHeadBytes + len(f.packet.Head)
	for _, block := range f.packet.Blocks {
		size += 4 + len(block)
	}
	return size
}

// appendStart appends all of the frame but its blocks.
func (f *frame) appendStart(b []byte) []byte {
	b = append(b, byte(f.kind), byte(len(f.packet.Blocks)), 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(f.packet.Head)))
	b = binary.BigEndian.AppendUint32(b, uint32(min(f.wait, waitMax)/time.Millisecond))
	b = binary.BigEndian.AppendUint64(b, f.number)
	for _, block := range f.packet.Blocks {
		b = binary.BigEndian.AppendUint32(b, uint32(len(block)))
	}
	return append(b, f.packet.Head...)
}

// reserver is asked before memory is taken for what a peer announces.
type reserver func(bytes int) error

// readFrame reads a frame. Its memory is new, and taken only after the bounds
// were checked and reserve agreed to all of it; blocks are allocated one by
// one, as the bytes before them have come.
func readFrame(r io.Reader, blockBytesMax int, reserve reserver) (frame, error) {
	var fixed [frameHeadBytes + 4*messages.PacketBlocksMax]byte
	if _, err := io.ReadFull(r, fixed[:frameHeadBytes]); err != nil {
		return frame{}, err
	}
	f := frame{
		kind:   frameKind(fixed[0]),
		wait:   time.Duration(binary.BigEndian.Uint32(fixed[8:])) * time.Millisecond,
		number: binary.BigEndian.Uint64(fixed[12:]),
	}
	blocks, headBytes := int(fixed[1]), binary.BigEndian.Uint32(fixed[4:])
	switch {
	case f.kind < frameSend || f.kind > frameRefusal:
		return frame{}, fmt.Errorf("%w: kind %d", ErrFrame, f.kind)
	case blocks > messages.PacketBlocksMax:
		return frame{}, fmt.Errorf("%w: %d blocks", ErrFrame, blocks)
	case headBytes > messages.PacketHeadMax:
		return frame{}, fmt.Errorf("%w: a head of %d bytes", ErrFrame, headBytes)
	case f.wait > waitMax:
		return frame{}, fmt.Errorf("%w: a wait of %s", ErrFrame, f.wait)
	case (f.kind == frameCancel || f.kind == frameRefusal) && blocks+int(headBytes) > 0:
		return frame{}, fmt.Errorf("%w: kind %d with a packet", ErrFrame, f.kind)
	}
	lengths := fixed[frameHeadBytes : frameHeadBytes+4*blocks]
	if _, err := io.ReadFull(r, lengths); err != nil {
		return frame{}, cutOff(err)
	}
	total := int(headBytes)
	for i := range blocks {
		length := binary.BigEndian.Uint32(lengths[4*i:])
		if length > uint32(blockBytesMax) {
			return frame{}, fmt.Errorf("%w: a block of %d bytes", ErrFrame, length)
		}
		total += int(length)
	}
	if err := reserve(total); err != nil {
		return frame{}, err
	}
	return f, f.readPacket(r, int(headBytes), lengths)
}

func (f *frame) readPacket(r io.Reader, headBytes int, lengths []byte) error {
	f.packet.Head = make([]byte, headBytes)
	if _, err := io.ReadFull(r, f.packet.Head); err != nil {
		return cutOff(err)
	}
	if len(lengths) > 0 {
		f.packet.Blocks = make([][]byte, 0, len(lengths)/4)
	}
	for ; len(lengths) > 0; lengths = lengths[4:] {
		block := make([]byte, binary.BigEndian.Uint32(lengths))
		if _, err := io.ReadFull(r, block); err != nil {
			return cutOff(err)
		}
		f.packet.Blocks = append(f.packet.Blocks, block)
	}
	return nil
}

// cutOff tells the end of a stream in the middle of a frame from the one
// between two.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
