package lanes

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"golang.org/x/sys/unix"

	"github.com/noisefs/noisefs/cluster"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
)

// bareProtocol is a stream of CIDs one way and of blocks the other way.
const bareProtocol = "/noisefs/bench/1"

const (
	onTCP  = "/ip4/127.0.0.1/tcp/0"
	onQUIC = "/ip4/127.0.0.1/udp/0/quic-v1"
)

// blockAt makes block i of a measurement into data.
func blockAt(i int, data []byte) messages.CID {
	seed := [32]byte{byte(i), byte(i >> 8), byte(i >> 16)}
	_, _ = mathrand.NewChaCha8(seed).Read(data) // it never fails
	return format.Name(data)
}

// offers are the addresses of a holder.
type offers struct {
	Raw              string // of TCP
	Noise, TLS, QUIC string // of bare streams
	Node             string // of our lane, and of bitswap
}

// bareHost is a host with one transport and one kind of security.
func bareHost(kind string) (host.Host, error) {
	options := []libp2p.Option{libp2p.DisableRelay(), libp2p.DisableMetrics()}
	switch kind {
	case "noise":
		options = append(options, libp2p.ListenAddrStrings(onTCP),
			libp2p.Transport(tcp.NewTCPTransport), libp2p.Security(noise.ID, noise.New))
	case "tls":
		options = append(options, libp2p.ListenAddrStrings(onTCP),
			libp2p.Transport(tcp.NewTCPTransport), libp2p.Security(libp2ptls.ID, libp2ptls.New))
	default:
		options = append(options, libp2p.ListenAddrStrings(onQUIC),
			libp2p.Transport(quic.NewTransport))
	}
	return libp2p.New(options...)
}

// nodeHost is a host of a node, that asks sources by bitswap.
func nodeHost(sources ...string) (*cluster.Host, error) {
	c := cluster.Config{Listen: []string{onTCP}, Bitswap: true, Sources: sources}
	_, _ = rand.Read(c.Seed[:]) // it never fails
	return cluster.Start(c)
}

// holder has blocks.
type holder struct {
	blocks map[messages.CID][]byte
	ends   []io.Closer
}

// Hold is the second process: it writes where it can be reached to out, and
// then, for each line that comes in, the CPU time that it has used, until
// nothing comes any more.
func Hold(blocks int, in io.Reader, out io.Writer) (err error) {
	h := &holder{blocks: make(map[messages.CID][]byte, blocks)}
	for i := range blocks {
		data := make([]byte, format.Production().BlockSize)
		h.blocks[blockAt(i, data)] = data
	}
	defer func() {
		for _, end := range h.ends {
			err = errors.Join(err, end.Close())
		}
	}()
	offered, err := h.offer()
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	if err := encoder.Encode(offered); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if err := encoder.Encode(cpuSeconds()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// cpuSeconds is what this process has used.
func cpuSeconds() float64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func (h *holder) offer() (offers, error) {
	var o offers
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return o, err
	}
	h.ends = append(h.ends, listener)
	o.Raw = listener.Addr().String()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go h.serve(conn)
		}
	}()
	for kind, at := range map[string]*string{"noise": &o.Noise, "tls": &o.TLS, "quic": &o.QUIC} {
		bare, err := bareHost(kind)
		if err != nil {
			return o, err
		}
		h.ends = append(h.ends, bare)
		bare.SetStreamHandler(bareProtocol, func(s network.Stream) { h.serve(s) })
		*at = fmt.Sprintf("%s/p2p/%s", bare.Addrs()[0], bare.ID())
	}
	node, err := nodeHost()
	if err != nil {
		return o, err
	}
	h.ends = append(h.ends, node)
	o.Node = node.Addresses()[0]
	var joined port.Joined
	joined = node.Join(func(msg any) {
		if m, ok := msg.(messages.PacketReceived); ok {
			joined.Respond(m.Exchange, h.answer(m.Packet.Head))
		}
	})
	joined.Handle(messages.ProtocolBlock)
	return o, nil
}

// answer answers a request as a store does, from memory.
func (h *holder) answer(head []byte) messages.Packet {
	request, err := wire.DecodeBlockRequest(head)
	data := h.blocks[request.CID]
	switch {
	case err != nil || data == nil:
		return messages.Packet{Head: wire.BlockResponse{Status: wire.BlockAbsent}.Append(nil)}
	case request.Presence:
		return messages.Packet{Head: wire.BlockResponse{Status: wire.BlockHeld}.Append(nil)}
	}
	return messages.Packet{
		Head:   wire.BlockResponse{Status: wire.BlockServed}.Append(nil),
		Blocks: [][]byte{data},
	}
}

// serve answers a bare stream.
func (h *holder) serve(s io.ReadWriteCloser) {
	defer func() { _ = s.Close() }()
	r := bufio.NewReader(s)
	for {
		var cid messages.CID
		if _, err := io.ReadFull(r, cid[:]); err != nil {
			return
		}
		if _, err := s.Write(h.blocks[cid]); err != nil {
			return
		}
	}
}

// dialBare opens a bare stream.
func dialBare(ctx context.Context, kind, address string) (io.ReadWriteCloser, io.Closer, error) {
	if kind == "raw" {
		conn, err := net.Dial("tcp", address)
		return conn, conn, err
	}
	h, err := bareHost(kind)
	if err != nil {
		return nil, nil, err
	}
	info, err := addrInfo(address)
	if err == nil {
		err = h.Connect(ctx, *info)
	}
	if err != nil {
		return nil, nil, errors.Join(err, h.Close())
	}
	stream, err := h.NewStream(ctx, info.ID, bareProtocol)
	if err != nil {
		return nil, nil, errors.Join(err, h.Close())
	}
	return stream, h, nil
}
