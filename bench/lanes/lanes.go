package lanes

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/noisefs/noisefs/cluster"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/format"
)

// ErrWrong reports a block that did not come, or is not the one asked for.
var ErrWrong = errors.New("lanes: a block is not what was asked for")

// Options say what is measured.
type Options struct {
	Blocks, Rounds int
	Holder         *exec.Cmd // the second process: it calls Hold with as many blocks
	Say            func(what string)
}

// Lane is what one means came to: medians over the rounds.
type Lane struct {
	Name string  `json:"name"`
	MBps float64 `json:"MBps"` // MB are 10^6 bytes
	// CPUPerGiB is CPU seconds of both processes.
	CPUPerGiB float64 `json:"cpuSecondsPerGiB"`
}

// inFlight is how many requests are under way by our lane and by bitswap.
const inFlight = 64

// meansOf are what is measured, by name.
func meansOf(o offers) []means {
	bare := func(name, kind, address string) means {
		return means{name, func(ctx context.Context, cids []messages.CID) (func() error, io.Closer, error) {
			stream, end, err := dialBare(ctx, kind, address)
			return func() error { return fetchBare(stream, cids) }, end, err
		}}
	}
	node := func(name string, bitswap bool) means {
		return means{name, func(ctx context.Context, cids []messages.CID) (func() error, io.Closer, error) {
			return dialNode(ctx, o.Node, bitswap, cids)
		}}
	}
	return []means{
		bare("raw TCP", "raw", o.Raw),
		bare("libp2p stream, TCP and Noise", "noise", o.Noise),
		bare("libp2p stream, TCP and TLS", "tls", o.TLS),
		bare("libp2p stream, QUIC", "quic", o.QUIC),
		node("our lane, TCP", false),
		node("bitswap, TCP", true),
	}
}

// means is a way to have blocks: dial connects, and what it returns fetches.
type means struct {
	name string
	dial func(context.Context, []messages.CID) (fetch func() error, end io.Closer, err error)
}

// Measure starts the second process and has all blocks from it by each means.
func Measure(ctx context.Context, o Options) (lanes []Lane, err error) {
	in, err := o.Holder.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := o.Holder.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := o.Holder.Start(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, in.Close(), o.Holder.Wait()) }()
	decoder := json.NewDecoder(bufio.NewReader(out))
	var offered offers
	if err := decoder.Decode(&offered); err != nil {
		return nil, fmt.Errorf("lanes: the second process: %w", err)
	}
	cids := make([]messages.CID, o.Blocks)
	data := make([]byte, format.Production().BlockSize)
	for i := range cids {
		cids[i] = blockAt(i, data)
	}
	used := func() (float64, error) {
		var theirs float64
		if _, err := io.WriteString(in, "\n"); err != nil {
			return 0, err
		}
		err := decoder.Decode(&theirs)
		return theirs + cpuSeconds(), err
	}
	all := meansOf(offered)
	rates, costs := make([][]float64, len(all)), make([][]float64, len(all))
	for round := range o.Rounds {
		for i, m := range all {
			o.Say(fmt.Sprintf("round %d of %d: %s", round+1, o.Rounds, m.name))
			took, cpu, err := once(ctx, m, cids, used)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.name, err)
			}
			bytes := float64(len(cids)) * float64(len(data))
			rates[i] = append(rates[i], bytes/1e6/took.Seconds())
			costs[i] = append(costs[i], cpu/(bytes/(1<<30)))
		}
	}
	for i, m := range all {
		lanes = append(lanes, Lane{m.name, median(rates[i]), median(costs[i])})
	}
	return lanes, nil
}

// once has all blocks once. Connecting does not count.
func once(
	ctx context.Context, m means, cids []messages.CID, used func() (float64, error),
) (took time.Duration, cpu float64, err error) {
	fetch, end, err := m.dial(ctx, cids)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, end.Close()) }()
	before, err := used()
	if err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	if err := fetch(); err != nil {
		return 0, 0, err
	}
	took = time.Since(begun)
	after, err := used()
	return took, after - before, err
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// fetchBare has blocks over a bare stream, and hashes them.
func fetchBare(s io.ReadWriter, cids []messages.CID) error {
	asked := make(chan error, 1)
	go func() {
		for _, cid := range cids {
			if _, err := s.Write(cid[:]); err != nil {
				asked <- err
				return
			}
		}
		asked <- nil
	}()
	data := make([]byte, format.Production().BlockSize)
	for _, cid := range cids {
		if _, err := io.ReadFull(s, data); err != nil {
			return err
		}
		if format.Name(data) != cid {
			return ErrWrong
		}
	}
	return <-asked
}

// dialNode connects a node with the holder's, to ask it over our lane or by
// bitswap.
func dialNode(
	ctx context.Context, address string, bitswap bool, cids []messages.CID,
) (func() error, io.Closer, error) {
	var sources []string
	if bitswap {
		sources = []string{address}
	}
	h, err := nodeHost(sources...)
	if err != nil {
		return nil, nil, err
	}
	to, err := h.Connect(ctx, address)
	if err != nil {
		return nil, nil, errors.Join(err, h.Close())
	}
	if bitswap {
		to = messages.NodeID{} // whoever is no node
	}
	return func() error { return fetchNode(h, to, cids) }, h, nil
}

// fetchNode has blocks as the fetcher does, and hashes them.
func fetchNode(h *cluster.Host, to messages.NodeID, cids []messages.CID) error {
	answers := make(chan messages.RequestAnswered, inFlight)
	joined := h.Join(func(msg any) { answers <- msg.(messages.RequestAnswered) })
	defer joined.Close()
	asked := 0
	for done := range cids {
		for ; asked < min(len(cids), done+inFlight); asked++ {
			head := wire.BlockRequest{CID: cids[asked]}.Append(nil)
			joined.Request(messages.Corr(asked), to, messages.ProtocolBlock,
				messages.Packet{Head: head}, time.Minute)
		}
		got := <-answers
		if got.Err != nil {
			return got.Err
		}
		if len(got.Packet.Blocks) != 1 || format.Name(got.Packet.Blocks[0]) != cids[got.Corr] {
			return ErrWrong
		}
	}
	return nil
}

func addrInfo(address string) (*peer.AddrInfo, error) {
	parsed, err := multiaddr.NewMultiaddr(address)
	if err != nil {
		return nil, err
	}
	return peer.AddrInfoFromP2pAddr(parsed)
}
