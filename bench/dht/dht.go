package dht

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	kad "github.com/libp2p/go-libp2p-kad-dht"
	pb "github.com/libp2p/go-libp2p-kad-dht/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/multiformats/go-multihash"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/placement"
)

// ErrLost reports a provider record that was not found.
var ErrLost = errors.New("dht: a record that was provided was not found")

// Options say what is measured.
type Options struct {
	Hosts int // 2 or more
	Keys  int // that are provided and looked up, one after the other; 1 or more
	Say   func(what string)
}

// Cost is what one operation takes.
type Cost struct {
	MedianSeconds float64 `json:"medianSeconds"`
	MostSeconds   float64 `json:"mostSeconds"`
	Messages      float64 `json:"messages"`    // requests sent, mean
	Connections   float64 `json:"connections"` // opened, mean
}

// Report is what finding holders takes in a network of some size.
type Report struct {
	Hosts   int  `json:"hosts"`
	Keys    int  `json:"keys"`
	Provide Cost `json:"provide"`
	LookUp  Cost `json:"lookUp"`
	// Placement is computing the holders of a block instead. Nobody has to
	// provide anything, and nobody is asked.
	Placement Cost `json:"placement"`
}

// prefix keeps this DHT apart from all others.
const prefix = "/noisefs-bench"

// operationMax bounds one operation.
const operationMax = time.Minute

// introducedEvery is how often a host is asked whether it knows somebody.
const introducedEvery = 5 * time.Millisecond

// world is the hosts of a measurement.
type world struct {
	nodes    []node
	messages atomic.Int64 // requests that any host was asked
	opened   atomic.Int64 // connections, counted at both ends
}

type node struct {
	host host.Host
	dht  *kad.IpfsDHT
}

// Measure makes a network, and provides and looks up keys in it.
func Measure(ctx context.Context, o Options) (report Report, err error) {
	w := &world{}
	defer func() { err = errors.Join(err, w.close()) }()
	o.Say(fmt.Sprintf("%d hosts: making the network", o.Hosts))
	for range o.Hosts {
		if err := w.add(ctx); err != nil {
			return report, err
		}
	}
	if err := w.settle(ctx); err != nil {
		return report, err
	}
	o.Say(fmt.Sprintf("%d hosts: providing and looking up %d keys", o.Hosts, o.Keys))
	report = Report{Hosts: o.Hosts, Keys: o.Keys, Placement: placed(w.nodes, o.Keys)}
	draw := rand.New(rand.NewPCG(uint64(o.Hosts), uint64(o.Keys)))
	var provides, lookUps costs
	for range o.Keys {
		key, err := drawKey(draw)
		if err != nil {
			return report, err
		}
		pair := draw.Perm(o.Hosts)[:2]
		provider, seeker := w.nodes[pair[0]], w.nodes[pair[1]]
		if err := provides.measure(ctx, w, provider, func(ctx context.Context) error {
			return provider.dht.Provide(ctx, key, true)
		}); err != nil {
			return report, fmt.Errorf("dht: provide: %w", err)
		}
		if err := lookUps.measure(ctx, w, seeker, func(ctx context.Context) error {
			return find(ctx, seeker, key, provider.host.ID())
		}); err != nil {
			return report, fmt.Errorf("dht: look up: %w", err)
		}
	}
	report.Provide, report.LookUp = provides.cost(), lookUps.cost()
	return report, nil
}

// add makes a host that knows of the first.
func (w *world) add(ctx context.Context) error {
	made, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"),
		libp2p.Transport(tcp.NewTCPTransport), libp2p.DisableRelay(), libp2p.DisableMetrics(),
		libp2p.ResourceManager(&network.NullResourceManager{}))
	if err != nil {
		return fmt.Errorf("dht: %w", err)
	}
	table, err := kad.New(made, kad.Mode(kad.ModeServer), kad.ProtocolPrefix(prefix),
		kad.DisableAutoRefresh(),
		kad.OnRequestHook(func(context.Context, network.Stream, *pb.Message) { w.messages.Add(1) }))
	if err != nil {
		return errors.Join(fmt.Errorf("dht: %w", err), made.Close())
	}
	made.Network().Notify(&network.NotifyBundle{
		ConnectedF: func(network.Network, network.Conn) { w.opened.Add(1) },
	})
	w.nodes = append(w.nodes, node{made, table})
	first := w.nodes[0].host
	if made == first {
		return nil
	}
	made.Peerstore().AddAddrs(first.ID(), first.Addrs(), peerstore.PermanentAddrTTL)
	return made.Connect(ctx, peer.AddrInfo{ID: first.ID(), Addrs: first.Addrs()})
}

// settle has every host look for its neighbours, twice: the first ones look when
// the others have not yet told of themselves.
func (w *world) settle(ctx context.Context) error {
	for _, n := range w.nodes {
		if err := n.introduced(ctx); err != nil {
			return err
		}
	}
	for range 2 {
		for _, n := range w.nodes {
			select {
			case err := <-n.dht.ForceRefresh():
				if err != nil {
					return fmt.Errorf("dht: refresh: %w", err)
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// introduced waits until a host knows somebody to ask: a connection stands
// before its ends have told each other which protocols they speak.
func (n node) introduced(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, operationMax)
	defer cancel()
	again := time.NewTicker(introducedEvery)
	defer again.Stop()
	for n.dht.RoutingTable().Size() == 0 {
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("dht: host %s meets nobody: %w", n.host.ID(), ctx.Err())
		}
	}
	return nil
}

func (w *world) close() error {
	var failures []error
	for _, n := range w.nodes {
		failures = append(failures, n.dht.Close(), n.host.Close())
	}
	return errors.Join(failures...)
}

func drawKey(draw *rand.Rand) (cid.Cid, error) {
	var content [32]byte
	for i := range content {
		content[i] = byte(draw.Uint32())
	}
	hash, err := multihash.Sum(content[:], multihash.SHA2_256, -1)
	return cid.NewCidV1(cid.Raw, hash), err
}

// find looks for a provider of a key until it has the one that there is.
func find(ctx context.Context, at node, key cid.Cid, want peer.ID) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for found := range at.dht.FindProvidersAsync(ctx, key, 1) {
		if found.ID == want {
			return nil
		}
	}
	return ErrLost
}

// costs are what operations of one kind took.
type costs struct {
	took                  []time.Duration
	messages, connections int64
}

// measure does something at a host that has no connection.
func (c *costs) measure(
	ctx context.Context, w *world, at node, do func(context.Context) error,
) error {
	ctx, cancel := context.WithTimeout(ctx, operationMax)
	defer cancel()
	for _, id := range at.host.Network().Peers() {
		if err := at.host.Network().ClosePeer(id); err != nil {
			return err
		}
	}
	messages, opened := w.messages.Load(), w.opened.Load()
	begun := time.Now()
	if err := do(ctx); err != nil {
		return err
	}
	c.took = append(c.took, time.Since(begun))
	c.messages += w.messages.Load() - messages
	c.connections += (w.opened.Load() - opened) / 2
	return nil
}

func (c *costs) cost() Cost {
	slices.Sort(c.took)
	n := len(c.took)
	return Cost{
		MedianSeconds: c.took[n/2].Seconds(), MostSeconds: c.took[n-1].Seconds(),
		Messages: float64(c.messages) / float64(n), Connections: float64(c.connections) / float64(n),
	}
}

// capacity is what each member offers, in blocks.
const capacity = 100_000

// placed computes who holds blocks, in a view of the same members.
func placed(nodes []node, keys int) Cost {
	members := make([]*messages.Member, len(nodes))
	for i := range nodes {
		var id messages.NodeID
		for at := range id {
			id[at] = byte(rand.Uint32())
		}
		members[i] = &messages.Member{ID: id, CapacityBlocks: capacity}
	}
	slices.SortFunc(members, func(a, b *messages.Member) int { return slices.Compare(a.ID[:], b.ID[:]) })
	view := messages.NewView(members[0].ID, 1, 1, members, nil)
	var c costs
	for range keys {
		var name messages.CID
		for at := range name {
			name[at] = byte(rand.Uint32())
		}
		begun := time.Now()
		placement.Order(view, name, placement.OrderMax)
		c.took = append(c.took, time.Since(begun))
	}
	return c.cost()
}
