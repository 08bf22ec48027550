package main

import (
	"context"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
)

// What one daemon stores, a node of IPFS that knows nothing of NoiseFS has from
// the daemon that holds it for the network.
func TestIPFSFetchesFromDaemons(t *testing.T) {
	skipNetworks(t)
	members := startNetwork(t, 2)
	must(t, string(noise(1<<20, 5)), "put", "-", "--to", "/a", "--wait-replicas", "1",
		"--quiet", "--repo", members[0].dir)
	blocks := members[0].replicas("/a")

	host, err := libp2p.New(libp2p.NoListenAddrs)
	if err != nil {
		t.Fatal(err)
	}
	store := blockstore.NewBlockstore(dssync.MutexWrap(datastore.NewMapDatastore()))
	ipfs := bitswap.New(context.Background(), bsnet.NewFromIpfsHost(host), nil, store)
	t.Cleanup(func() {
		if err := ipfs.Close(); err != nil {
			t.Error(err)
		}
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	address, err := multiaddr.NewMultiaddr(members[1].address())
	if err != nil {
		t.Fatal(err)
	}
	holder, err := peer.AddrInfoFromP2pAddr(address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := host.Connect(ctx, *holder); err != nil {
		t.Fatal(err)
	}
	session := ipfs.NewSession(ctx)
	for _, block := range blocks {
		name, err := cid.Parse(block.CID.String())
		if err != nil {
			t.Fatal(err)
		}
		got, err := session.GetBlock(ctx, name)
		if err != nil || len(got.RawData()) != 128<<10 {
			t.Fatalf("%s of %d blocks: %v", name, len(blocks), err)
		}
	}
}
