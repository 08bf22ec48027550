package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	coregate "github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/metrics"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/routing"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/noisefs/noisefs/cluster/bitswap"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// ErrAddress reports text that is no address of a node.
var ErrAddress = errors.New("cluster: bad address")

// Config says who a node is, where it listens, and whom it knows.
type Config struct {
	// Seed is the seed of the identity key. It is copied, and not kept.
	Seed messages.Secret
	// Listen are the multiaddrs to listen on, TCP or QUIC. Without any the node
	// dials others, and is reached through relays: Relayed has to be Always.
	Listen []string
	// Secret, if set, makes the network private: nodes without it get no
	// connection. It excludes QUIC, which cannot be protected so. It is copied.
	Secret *NetworkSecret
	// Bootstrap are the multiaddrs, each with /p2p/ID, of nodes to join through.
	Bootstrap []string
	// MDNS looks for nodes on the local network, and shows this one to them.
	MDNS bool
	// PublicDHT asks the public DHT of IPFS, as a client, for addresses of nodes
	// that our own does not know, and makes this node's own known there. The
	// network has to be open.
	PublicDHT bool
	// PublicPeers are the multiaddrs, each with /p2p/ID, of servers through which
	// that is done; nil: those that libp2p ships.
	PublicPeers []string
	// Bitswap serves nodes of IPFS what this node holds for the network.
	Bitswap bool
	// Sources are the multiaddrs, each with /p2p/ID, of nodes of IPFS that
	// blocks are asked of which no node has. Without Bitswap they are of no use.
	Sources []string
	// BitswapBounds says how much there is of everything of bitswap; blocks have
	// the size that Bounds says. Without Bitswap it is of no use.
	BitswapBounds bitswap.Bounds
	// Relayed says whether this node has itself be reached through relays: others
	// that it is connected with. Auto: when it is found that nobody can dial it.
	// Never: nor does it reach others so.
	Relayed Choice
	// RelayOthers says whether this node is a relay for others. Auto: when it is
	// found that it can be dialled.
	RelayOthers Choice
	// Bounds says how much there is of everything.
	Bounds Bounds
	// Protocols are spoken beside those of package messages; for tests.
	Protocols []messages.Protocol
	// Topics are what may be gossiped about; nil: those of NoiseFS.
	Topics []Topic
	// Gate says with whom connections may be; nil: with everybody. For tests.
	Gate coregate.ConnectionGater
	Log  *slog.Logger // nil: nothing is logged
}

var _ port.Wire = (*Host)(nil)

// Host is a node's place in the network.
type Host struct {
	config    Config
	self      messages.NodeID
	host      host.Host
	finder    *finder
	bandwidth *metrics.BandwidthCounter
	seeds     []messages.NodeID
	secret    *NetworkSecret // for invitations; nil: the network is open
	exchanges *exchanges
	reach     event.Subscription // nil: it could not be made
	gossip    *gossips
	local     *localDiscovery // nil without MDNS
	bitswap   *bitswap.Lane   // nil without Bitswap
}

// dhtPrefix keeps our DHT apart from all others.
const dhtPrefix = "/noisefs"

// graceful is how long a new connection is left alone when there are too many.
const graceful = time.Minute

// Start connects a node. Close ends it.
func Start(c Config) (*Host, error) {
	c.Bounds = c.Bounds.withDefaults()
	if err := c.Bounds.Validate(); err != nil {
		return nil, err
	}
	if c.Bitswap {
		c.BitswapBounds.BlockBytes = c.Bounds.BlockBytesMax
		c.BitswapBounds = c.BitswapBounds.WithDefaults()
		if err := c.BitswapBounds.Validate(); err != nil {
			return nil, err
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Topics == nil {
		c.Topics = Topics()
	}
	bootstrap, err := parseAddresses(c.Bootstrap)
	if err != nil {
		return nil, err
	}
	h := &Host{config: c, bandwidth: metrics.NewBandwidthCounter()}
	if c.Secret != nil {
		secret := *c.Secret
		h.secret, h.config.Secret = &secret, &secret
	}
	if err := h.listen(bootstrap); err != nil {
		return nil, err
	}
	if h.self, err = nodeOf(h.host.ID()); err != nil {
		return nil, errors.Join(err, h.host.Close())
	}
	for _, info := range bootstrap {
		h.know(info)
		if id, err := nodeOf(info.ID); err == nil && id != h.self {
			h.host.ConnManager().Protect(info.ID, "bootstrap")
			h.seeds = append(h.seeds, id)
		}
	}
	if err := h.finder.bootstrap(context.Background()); err != nil {
		return nil, errors.Join(err, h.finder.close(), h.host.Close())
	}
	h.exchanges = newExchanges(h.host, h.self, c.Bounds)
	if err := h.watchReach(); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	if h.gossip, err = newGossips(h); err == nil && c.MDNS {
		h.local, err = h.discoverLocally()
	}
	if err == nil && c.Bitswap {
		err = h.speakBitswap()
	}
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// listen starts libp2p.
func (h *Host) listen(bootstrap []peer.AddrInfo) error {
	c := h.config
	listen, wide, err := parseListen(c.Listen)
	if err != nil {
		return err
	}
	switch {
	case len(listen) == 0 && c.Relayed != Always:
		return fmt.Errorf("%w: nothing to listen on", ErrAddress)
	case c.Secret != nil && slices.ContainsFunc(listen, isQUIC):
		return fmt.Errorf("%w: a private network is over TCP alone", ErrAddress)
	case c.Secret != nil && c.PublicDHT:
		return fmt.Errorf("%w: a private network has no part in the public DHT", ErrConfig)
	}
	public, err := parseAddresses(c.PublicPeers)
	if err != nil {
		return err
	}
	if err := checkFree(listen); err != nil {
		return err
	}
	key, err := keyOf(&c.Seed)
	if err != nil {
		return fmt.Errorf("cluster: identity: %w", err)
	}
	var lane *bitswap.Bounds
	if c.Bitswap {
		lane = &c.BitswapBounds
	}
	resources, err := NewResourceManager(c.Bounds, lane, c.Protocols)
	if err != nil {
		return err
	}
	connections, err := connmgr.NewConnManager(
		c.Bounds.ConnectionsLow, c.Bounds.ConnectionsHigh, connmgr.WithGracePeriod(graceful))
	if err != nil {
		return fmt.Errorf("cluster: connections: %w", err)
	}
	options := []libp2p.Option{
		libp2p.Identity(key), libp2p.UserAgent("noisefs"), libp2p.ListenAddrs(listen...),
		libp2p.Transport(tcp.NewTCPTransport), libp2p.Security(noise.ID, noise.New), libp2p.Security(libp2ptls.ID, libp2ptls.New),
		libp2p.ResourceManager(resources), libp2p.ConnectionManager(connections),
		libp2p.BandwidthReporter(h.bandwidth), libp2p.SwarmOpts(swarm.WithDialRanker(tcpFirst)), libp2p.DisableMetrics(),
		libp2p.Routing(h.route(bootstrap, public)), libp2p.ConnectionGater(c.Gate),
	}
	if c.Secret == nil {
		options = append(options, libp2p.Transport(quic.NewTransport))
	} else {
		options = append(options, libp2p.PrivateNetwork(c.Secret[:]))
	}
	options = append(options, c.passage(wide)...)
	if h.host, err = libp2p.New(options...); err != nil {
		return fmt.Errorf("cluster: %w", errors.Join(err, resources.Close(), connections.Close()))
	}
	return nil
}

// passage is what lets others connect to a node behind a router. wide tells that
// it listens to other machines.
func (c Config) passage(wide bool) []libp2p.Option {
	var options []libp2p.Option
	if c.Relayed == Never {
		options = append(options, libp2p.DisableRelay())
	} else {
		options = append(options, libp2p.EnableRelay())
	}
	if wide {
		options = append(options, libp2p.NATPortMap())
	}
	if wide && c.Relayed != Never {
		options = append(options, libp2p.EnableHolePunching())
	}
	switch {
	case wide && c.Secret == nil:
		return append(options, libp2p.EnableAutoNATv2())
	case c.Relayed == Always: // nobody could tell us how they see us
		return append(options, libp2p.ForceReachabilityPrivate())
	}
	return options
}

// route makes what finds nodes whose addresses are not known. Our own DHT does
// only that: nobody stores values or provider records in it.
func (h *Host) route(
	bootstrap, public []peer.AddrInfo,
) func(host.Host) (routing.PeerRouting, error) {
	return func(of host.Host) (routing.PeerRouting, error) {
		own, err := dht.New(of, dht.Mode(dht.ModeAutoServer), dht.ProtocolPrefix(dhtPrefix),
			dht.DisableProviders(), dht.DisableValues(), dht.BootstrapPeers(bootstrap...))
		if err != nil {
			return nil, fmt.Errorf("cluster: dht: %w", err)
		}
		h.finder = &finder{own: own}
		if h.config.PublicDHT {
			if h.finder.public, err = publicDHT(of, public); err != nil {
				return nil, errors.Join(err, own.Close())
			}
		}
		return h.finder, nil
	}
}

// Close leaves the network: all streams end, and every goroutine of this
// package has by then.
func (h *Host) Close() error {
	var failures []error
	if h.local != nil {
		failures = append(failures, h.local.Close())
	}
	if h.bitswap != nil {
		h.bitswap.Close()
	}
	if h.reach != nil {
		failures = append(failures, h.reach.Close())
	}
	h.exchanges.close()
	if h.gossip != nil {
		h.gossip.close()
	}
	if h.finder != nil {
		failures = append(failures, h.finder.close())
	}
	failures = append(failures, h.host.Close())
	return errors.Join(failures...)
}

// Join implements [port.Wire].
func (h *Host) Join(answer func(any)) port.Joined {
	p := &Port{host: h, answer: answer}
	p.ended, p.end = context.WithCancel(h.exchanges.ended)
	return p
}

// Self is this node's ID.
func (h *Host) Self() messages.NodeID { return h.self }

// Seeds are the nodes of Config.Bootstrap.
func (h *Host) Seeds() []messages.NodeID { return slices.Clone(h.seeds) }

// Addresses are where others can reach this node, each with /p2p/ID.
func (h *Host) Addresses() []string {
	var texts []string
	for _, address := range h.host.Addrs() {
		texts = append(texts, address.String()+"/p2p/"+h.host.ID().String())
	}
	slices.Sort(texts)
	return texts
}

// Connect dials an address with /p2p/ID, and has the node's membership meet it.
func (h *Host) Connect(ctx context.Context, address string) (messages.NodeID, error) {
	infos, err := parseAddresses([]string{address})
	if err != nil {
		return messages.NodeID{}, err
	}
	id, err := nodeOf(infos[0].ID)
	if err != nil {
		return id, err
	}
	if id == h.self {
		return id, fmt.Errorf("%w: it is this node's own", ErrAddress)
	}
	ctx, cancel := context.WithTimeout(ctx, h.config.Bounds.DialTimeout)
	defer cancel()
	ctx = network.WithAllowLimitedConn(ctx, throughRelays)
	if err := h.host.Connect(ctx, infos[0]); err != nil {
		return id, fmt.Errorf("%w: %w", port.ErrUnreachable, err)
	}
	h.know(infos[0])
	h.exchanges.found(id)
	return id, nil
}

// know keeps the addresses of a node for as long as this one runs.
func (h *Host) know(info peer.AddrInfo) {
	h.host.Peerstore().AddAddrs(info.ID, info.Addrs, peerstore.PermanentAddrTTL)
}

// Peer is a node that this one is connected with.
type Peer struct {
	ID       messages.NodeID
	Address  string // of the first connection
	Since    time.Time
	BytesIn  int64 // since this node started
	BytesOut int64
}

// Peers are the nodes that this one is connected with, in no order.
func (h *Host) Peers() []Peer {
	var peers []Peer
	for _, id := range h.host.Network().Peers() {
		node, err := nodeOf(id)
		connections := h.host.Network().ConnsToPeer(id)
		if err != nil || len(connections) == 0 {
			continue
		}
		traffic := h.bandwidth.GetBandwidthForPeer(id)
		peers = append(peers, Peer{
			ID: node, Address: connections[0].RemoteMultiaddr().String(),
			Since:   oldest(connections),
			BytesIn: traffic.TotalIn, BytesOut: traffic.TotalOut,
		})
	}
	return peers
}

// Traffic is what is open to all peers, and what has passed since this node
// started.
type Traffic struct {
	Streams           int
	BytesIn, BytesOut int64
}

// Traffic counts what is open, and what has passed.
func (h *Host) Traffic() Traffic {
	totals := h.bandwidth.GetBandwidthTotals()
	t := Traffic{BytesIn: totals.TotalIn, BytesOut: totals.TotalOut}
	for _, connection := range h.host.Network().Conns() {
		t.Streams += len(connection.GetStreams())
	}
	return t
}

func oldest(connections []network.Conn) time.Time {
	since := connections[0].Stat().Opened
	for _, c := range connections[1:] {
		if opened := c.Stat().Opened; opened.Before(since) {
			since = opened
		}
	}
	return since
}

// ValidListen says what is wrong with a multiaddr to listen on.
func ValidListen(text string) error {
	_, _, err := parseListen([]string{text})
	return err
}

// ValidAddress says what is wrong with a multiaddr of another node.
func ValidAddress(text string) error {
	_, err := parseAddresses([]string{text})
	return err
}

// parseListen reads the addresses to listen on. wide tells that some of them
// can be reached from other machines.
func parseListen(texts []string) (all []multiaddr.Multiaddr, wide bool, err error) {
	for _, text := range texts {
		address, err := multiaddr.NewMultiaddr(text)
		if err != nil {
			return nil, false, fmt.Errorf("%w: %s: %w", ErrAddress, text, err)
		}
		if _, err := address.ValueForProtocol(multiaddr.P_TCP); err != nil && !isQUIC(address) {
			return nil, false, fmt.Errorf("%w: %s: neither TCP nor QUIC", ErrAddress, text)
		}
		all = append(all, address)
		wide = wide || !manet.IsIPLoopback(address)
	}
	return all, wide, nil
}

func isQUIC(address multiaddr.Multiaddr) bool {
	_, err := address.ValueForProtocol(multiaddr.P_QUIC_V1)
	return err == nil
}

// parseAddresses reads addresses of other nodes; those of one node are put
// together.
func parseAddresses(texts []string) ([]peer.AddrInfo, error) {
	all := make([]multiaddr.Multiaddr, 0, len(texts))
	for _, text := range texts {
		address, err := multiaddr.NewMultiaddr(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrAddress, text, err)
		}
		info, err := peer.AddrInfoFromP2pAddr(address)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrAddress, text, err)
		}
		if _, err := nodeOf(info.ID); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrAddress, text, err)
		}
		all = append(all, address)
	}
	infos, err := peer.AddrInfosFromP2pAddrs(all...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAddress, err)
	}
	return infos, nil
}
