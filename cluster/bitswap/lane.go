package bitswap

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ipfs/boxo/bitswap/network"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/bitswap/server"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/noisefs/noisefs/messages"
)

// Errors of [Lane.Fetch].
var (
	// ErrAbsent: no source has the block.
	ErrAbsent = errors.New("bitswap: no source has the block")
	// ErrUnreachable: a source could not be reached, or the lane has ended.
	ErrUnreachable = errors.New("bitswap: cannot be reached")
)

// ErrConfig reports a configuration that cannot work.
var ErrConfig = errors.New("bitswap: bad configuration")

// Protocols are the names under which bitswap is spoken.
func Protocols() []protocol.ID {
	return []protocol.ID{
		bsnet.ProtocolBitswap, bsnet.ProtocolBitswapOneOne,
		bsnet.ProtocolBitswapOneZero, bsnet.ProtocolBitswapNoVers,
	}
}

// Ask puts a request of messages.ProtocolBlock to this node's store.
type Ask func(context.Context, messages.Packet) (messages.Packet, error)

// Pace waits until so many bytes may pass to a peer, or from it.
type Pace func(ctx context.Context, with peer.ID, bytes int) error

// Config says what is served, and where from blocks are had.
type Config struct {
	// Ask serves. It may be called from many goroutines.
	Ask Ask
	// Sources are the peers that blocks are asked of; none: nobody is.
	Sources []peer.AddrInfo
	// Sending and Receiving bound the traffic; nil: they do not.
	Sending, Receiving Pace
	Bounds             Bounds
}

// Bounds says how much there is of everything. Zero fields take defaults.
type Bounds struct {
	// BlockBytes is the size of a block.
	BlockBytes int
	// WantsMax bounds the blocks that are asked of one source and did not come
	// yet; one more waits. Servers keep 1,024 wants of a peer and forget more;
	// and one with libp2p's default limits opens 128 streams to a peer, each for
	// about a block, and loses what it cannot open another one for.
	WantsMax int
	// AgainAfter is after how long without any answer a source is asked again:
	// servers do not know of what they lost.
	AgainAfter time.Duration
	// FetchesMax bounds the blocks that are being fetched; one more is
	// ErrUnreachable at once.
	FetchesMax int
	// QueuedMax bounds the wants of one peer that wait to be served; more are
	// forgotten.
	QueuedMax int
	// EntriesMax bounds the entries of one message's want list, each of which
	// the store is asked about at once; of more, some are forgotten.
	EntriesMax int
	// MessageBytes is about how much is sent in one message, and at most a
	// block more than that. Lowering it opens more streams for the same blocks.
	MessageBytes int
	// MessageTimeout bounds how long one message may take to be sent, and to
	// arrive.
	MessageTimeout time.Duration
	// Senders bounds the messages that are being sent, one to a peer at most.
	// Readers bounds the blocks that this node's store is asked for at one time.
	Senders, Readers int
	// AskTimeout bounds how long the store is asked again while it is busy.
	AskTimeout time.Duration
	// StreamsPerPeer bounds the streams that one peer may have open here: more
	// than WantsMax, since a source sends each block on a stream of its own.
	// InboundBytesPerPeer bounds what the messages on them take.
	StreamsPerPeer      int
	InboundBytesPerPeer int64
}

// DefaultBounds suit a node at home.
func DefaultBounds() Bounds {
	return Bounds{
		BlockBytes: 128 << 10, WantsMax: 64, AgainAfter: 5 * time.Second,
		FetchesMax: 1024, QueuedMax: 1024, EntriesMax: 1024,
		MessageBytes: 1 << 20, MessageTimeout: time.Minute, Senders: 16, Readers: 8,
		AskTimeout: 10 * time.Second, StreamsPerPeer: 640, InboundBytesPerPeer: 128 << 20,
	}
}

// WithDefaults fills in what is zero.
func (b Bounds) WithDefaults() Bounds {
	d := DefaultBounds()
	for _, field := range []struct{ got, preset *int }{
		{&b.BlockBytes, &d.BlockBytes},
		{&b.WantsMax, &d.WantsMax},
		{&b.FetchesMax, &d.FetchesMax},
		{&b.QueuedMax, &d.QueuedMax},
		{&b.EntriesMax, &d.EntriesMax},
		{&b.MessageBytes, &d.MessageBytes},
		{&b.Senders, &d.Senders},
		{&b.Readers, &d.Readers},
		{&b.StreamsPerPeer, &d.StreamsPerPeer},
	} {
		if *field.got == 0 {
			*field.got = *field.preset
		}
	}
	if b.InboundBytesPerPeer == 0 {
		b.InboundBytesPerPeer = d.InboundBytesPerPeer
	}
	if b.MessageTimeout == 0 {
		b.MessageTimeout = d.MessageTimeout
	}
	if b.AgainAfter == 0 {
		b.AgainAfter = d.AgainAfter
	}
	if b.AskTimeout == 0 {
		b.AskTimeout = d.AskTimeout
	}
	return b
}

// wantsMost is half of what the servers of IPFS keep of one peer's wants: the
// other half is for wants that were given up, and of which they know not yet.
const wantsMost = 512

// Validate says what is wrong with the bounds, if anything.
func (b Bounds) Validate() error {
	for _, bound := range []struct {
		name          string
		got, min, max int64
	}{
		{"BlockBytes", int64(b.BlockBytes), 1, messageBytesMax / 2},
		{"WantsMax", int64(b.WantsMax), 1, wantsMost},
		{"AgainAfter", int64(b.AgainAfter), int64(time.Millisecond), int64(time.Hour)},
		{"FetchesMax", int64(b.FetchesMax), 1, 1 << 20},
		{"QueuedMax", int64(b.QueuedMax), 1, 1 << 20},
		{"EntriesMax", int64(b.EntriesMax), 1, 1 << 20},
		{"MessageBytes", int64(b.MessageBytes), 1, messageBytesMax / 2},
		{"MessageTimeout", int64(b.MessageTimeout), int64(time.Millisecond), int64(time.Hour)},
		{"Senders", int64(b.Senders), 1, 1 << 10},
		{"Readers", int64(b.Readers), 1, 1 << 10},
		{"AskTimeout", int64(b.AskTimeout), int64(time.Millisecond), int64(time.Hour)},
		{"StreamsPerPeer", int64(b.StreamsPerPeer), int64(b.WantsMax) + 1, 1 << 16},
		{"InboundBytesPerPeer", b.InboundBytesPerPeer, messageBytesMax, 1 << 40},
	} {
		if bound.got < bound.min || bound.got > bound.max {
			return fmt.Errorf("%w: %s is %d, want %d to %d",
				ErrConfig, bound.name, bound.got, bound.min, bound.max)
		}
	}
	return nil
}

// Lane is a node's part in IPFS.
type Lane struct {
	bounds  Bounds
	ended   context.Context
	end     context.CancelFunc
	wait    sync.WaitGroup
	host    *guarded
	network network.BitSwapNetwork
	server  *server.Server
	sources []*source
	turns   chan struct{} // one taken for each fetch
}

// Start begins to serve, and to fetch when asked to. The host stays the
// caller's.
func Start(h host.Host, c Config) (*Lane, error) {
	c.Bounds = c.Bounds.WithDefaults()
	if err := c.Bounds.Validate(); err != nil {
		return nil, err
	}
	l := &Lane{bounds: c.Bounds, turns: make(chan struct{}, c.Bounds.FetchesMax)}
	l.ended, l.end = context.WithCancel(context.Background())
	l.host = &guarded{
		Host: h, ended: l.ended, pace: c.Receiving, patience: c.Bounds.MessageTimeout,
	}
	l.network = &patient{bsnet.NewFromIpfsHost(l.host), c.Sending, c.Bounds.MessageTimeout}
	l.server = server.New(l.ended, l.network,
		&replicas{ask: c.Ask, ended: l.ended, bounds: c.Bounds},
		server.TaskWorkerCount(c.Bounds.Senders),
		server.EngineTaskWorkerCount(c.Bounds.Senders),
		server.EngineBlockstoreWorkerCount(c.Bounds.Readers),
		server.WithTargetMessageSize(c.Bounds.MessageBytes),
		server.MaxOutstandingBytesPerPeer(c.Bounds.MessageBytes),
		server.MaxQueuedWantlistEntriesPerPeer(uint(c.Bounds.QueuedMax)),
		server.WithWantHaveReplaceSize(0), // whether is not what
	)
	for _, info := range c.Sources {
		h.Peerstore().AddAddrs(info.ID, info.Addrs, peerstore.PermanentAddrTTL)
		h.ConnManager().Protect(info.ID, "bitswap source")
		s := newSource(l, info.ID)
		l.sources = append(l.sources, s)
		l.wait.Go(s.run)
	}
	l.network.Start(&wants{l.server, c.Bounds.EntriesMax}, &answers{l})
	return l, nil
}

// Close ends the lane: no new streams are taken, and fetches under way fail.
func (l *Lane) Close() {
	for _, name := range Protocols() {
		l.host.RemoveStreamHandler(name)
	}
	l.end()
	l.network.Stop()
	l.server.Close()
	l.wait.Wait()
	l.host.close()
}

// Fetch asks the sources for a block, one after the other in an order drawn
// for it, until one sends it. Its bytes are the block: they were hashed.
func (l *Lane) Fetch(ctx context.Context, cid messages.CID) ([]byte, error) {
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
	default:
		return nil, ErrUnreachable
	}
	failure := ErrAbsent
	for at, i := range rand.Perm(len(l.sources)) {
		data, err := l.fetchFrom(ctx, l.sources[i], cid, len(l.sources)-at)
		if err == nil {
			return data, nil
		}
		if !errors.Is(err, ErrAbsent) {
			failure = err
		}
	}
	return nil, failure
}

// fetchFrom asks a source. It may take its part of the time that is left for
// so many.
func (l *Lane) fetchFrom(
	ctx context.Context, s *source, cid messages.CID, left int,
) ([]byte, error) {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(left))
		defer cancel()
	}
	return s.fetch(ctx, cid)
}
