package cluster

import (
	"context"
	"errors"
	"fmt"

	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/routing"
)

var _ routing.PeerRouting = (*finder)(nil)

// finder finds the addresses of a node that is known by its ID: in our own DHT,
// and then, if that is wanted, in the public one.
type finder struct {
	own    *dht.IpfsDHT
	public *dht.IpfsDHT // nil: not asked
}

// FindPeer implements [routing.PeerRouting].
func (f *finder) FindPeer(ctx context.Context, id peer.ID) (peer.AddrInfo, error) {
	info, err := f.own.FindPeer(ctx, id)
	if f.public == nil || err == nil && len(info.Addrs) > 0 {
		return info, err
	}
	return f.public.FindPeer(ctx, id)
}

func (f *finder) bootstrap(ctx context.Context) error {
	err := f.own.Bootstrap(ctx)
	if f.public != nil {
		err = errors.Join(err, f.public.Bootstrap(ctx))
	}
	if err != nil {
		return fmt.Errorf("cluster: dht: %w", err)
	}
	return nil
}

func (f *finder) close() error {
	err := f.own.Close()
	if f.public != nil {
		err = errors.Join(err, f.public.Close())
	}
	return err
}

// publicDHT makes a client of the public DHT of IPFS. It answers nobody, stores
// nothing there, and is in nobody's routing table; but it keeps itself known to
// the servers next to its ID, by which others find its addresses.
func publicDHT(of host.Host, through []peer.AddrInfo) (*dht.IpfsDHT, error) {
	options := []dht.Option{dht.Mode(dht.ModeClient), dht.BootstrapPeers(through...)}
	if len(through) == 0 { // the real one: nobody of it is on this machine or local network
		options = []dht.Option{
			dht.Mode(dht.ModeClient), dht.BootstrapPeers(dht.GetDefaultBootstrapPeerAddrInfos()...),
			dht.QueryFilter(dht.PublicQueryFilter), dht.RoutingTableFilter(dht.PublicRoutingTableFilter),
		}
	}
	made, err := dht.New(of, options...)
	if err != nil {
		return nil, fmt.Errorf("cluster: public dht: %w", err)
	}
	return made, nil
}
