package bitswap

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	bitswapnet "github.com/ipfs/boxo/bitswap/network"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// messageBytesMax bounds a message of bitswap.
const messageBytesMax = network.MessageSizeMax

// errTooLarge reports a message beyond the bound.
var errTooLarge = errors.New("bitswap: a message is too large")

// guarded is a host whose streams take no memory that was not granted.
type guarded struct {
	host.Host
	ended    context.Context
	pace     Pace // nil: at once
	patience time.Duration

	mu      sync.Mutex
	closed  bool
	streams map[*metered]struct{}
	wait    sync.WaitGroup
}

// SetStreamHandler implements [host.Host].
func (g *guarded) SetStreamHandler(name protocol.ID, handle network.StreamHandler) {
	g.Host.SetStreamHandler(name, func(stream network.Stream) {
		m := &metered{
			Stream: stream, in: bufio.NewReaderSize(stream, readBytes), of: g,
		}
		if !g.enter(m) {
			_ = stream.Reset()
			return
		}
		defer g.leave(m)
		handle(m)
	})
}

func (g *guarded) enter(m *metered) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	if g.streams == nil {
		g.streams = make(map[*metered]struct{})
	}
	g.streams[m] = struct{}{}
	g.wait.Add(1)
	return true
}

func (g *guarded) leave(m *metered) {
	m.release()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.streams, m)
	g.wait.Done()
}

// close ends the streams, and waits for who reads them.
func (g *guarded) close() {
	g.mu.Lock()
	g.closed = true
	for m := range g.streams {
		_ = m.Reset()
	}
	g.mu.Unlock()
	g.wait.Wait()
}

// readBytes is how much is read ahead of a stream.
const readBytes = 4 << 10

// metered is a stream of messages, each after its length as a varint. It
// reserves the memory of a message before it hands its length on to the reader,
// which allocates it then; and each message has a time to arrive in whole.
type metered struct {
	network.Stream
	in     *bufio.Reader
	of     *guarded
	prefix []byte // of the message, not handed on yet
	left   int    // bytes of the message that did not come yet
	held   int    // memory reserved
}

// Read implements [network.Stream].
func (m *metered) Read(p []byte) (int, error) {
	if len(m.prefix) == 0 && m.left == 0 {
		if err := m.next(); err != nil {
			return 0, err
		}
	}
	if len(m.prefix) > 0 {
		n := copy(p, m.prefix)
		m.prefix = m.prefix[n:]
		return n, nil
	}
	n, err := m.in.Read(p[:min(len(p), m.left)])
	m.left -= n
	if n == 0 || m.of.pace == nil {
		return n, err
	}
	// What is not read is not acknowledged, and so the peer is slower too; the
	// time that was waited here is not its fault.
	if paced := m.of.pace(m.of.ended, m.Conn().RemotePeer(), n); paced != nil {
		return n, paced
	}
	if late := m.SetReadDeadline(time.Now().Add(m.of.patience)); late != nil {
		return n, late
	}
	return n, err
}

// next reads the length of the next message, for which there is time.
func (m *metered) next() error {
	m.release()
	// Streams that nothing comes on are closed: there is room for so many, and
	// those who have more to say open another.
	if err := m.SetReadDeadline(time.Now().Add(2 * m.of.patience)); err != nil {
		return err
	}
	if _, err := m.in.Peek(1); err != nil {
		return err
	}
	if err := m.SetReadDeadline(time.Now().Add(m.of.patience)); err != nil {
		return err
	}
	length, err := binary.ReadUvarint(m.in)
	if err != nil {
		return err
	}
	if length > messageBytesMax {
		return fmt.Errorf("%w: %d bytes", errTooLarge, length)
	}
	// Twice: as bytes, and as what they are decoded to.
	err = m.Scope().ReserveMemory(2*int(length), network.ReservationPriorityAlways)
	if err != nil {
		return err
	}
	m.held, m.left = 2*int(length), int(length)
	m.prefix = binary.AppendUvarint(m.prefix[:0], length)
	return nil
}

func (m *metered) release() {
	if m.held > 0 {
		m.Scope().ReleaseMemory(m.held)
		m.held = 0
	}
}

// wants is boxo's server, that is asked about so many blocks by one message. It
// looks for all of them before it forgets those that are too many.
type wants struct {
	bitswapnet.Receiver
	entriesMax int
}

// ReceiveMessage implements [bitswapnet.Receiver].
func (w *wants) ReceiveMessage(ctx context.Context, from peer.ID, m message.BitSwapMessage) {
	if all := m.Wantlist(); len(all) > w.entriesMax {
		m = message.New(m.Full())
		for _, entry := range all[:w.entriesMax] {
			if entry.Cancel {
				m.Cancel(entry.Cid)
			} else {
				m.AddEntry(entry.Cid, entry.Priority, entry.WantType, entry.SendDontHave)
			}
		}
	}
	w.Receiver.ReceiveMessage(ctx, from, m)
}

// pieceBytes is how much of a message waits for leave to pass at one time, so
// that what is more urgent gets in between.
const pieceBytes = 32 << 10

// patient is bitswap's network, that does not wait for long for who does not
// read.
type patient struct {
	bitswapnet.BitSwapNetwork
	pace     Pace // nil: at once
	patience time.Duration
}

// SendMessage implements [bitswapnet.BitSwapNetwork].
func (p *patient) SendMessage(
	ctx context.Context, to peer.ID, m message.BitSwapMessage,
) error {
	if p.pace != nil {
		for left := m.Size(); left > 0; left -= pieceBytes {
			if err := p.pace(ctx, to, min(left, pieceBytes)); err != nil {
				return err
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	err := p.BitSwapNetwork.SendMessage(ctx, to, m)
	if late := net.Error(nil); errors.As(err, &late) && late.Timeout() {
		return errors.Join(err, p.DisconnectFrom(ctx, to))
	}
	return err
}
