package bitswap_test

import (
	"context"
	"sync"
	"testing"

	"github.com/ipfs/boxo/bitswap"
	"github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/blockstore"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/noisefs/noisefs/messages"
)

// ipfs is a node of IPFS as others run it: boxo with its defaults on a host
// with its defaults, which knows nothing of NoiseFS.
type ipfs struct {
	host   host.Host
	node   *bitswap.Bitswap
	blocks blockstore.Blockstore

	mu    sync.Mutex
	wants []message.Entry // that it received
	most  int             // wants that it had of one peer at a time
	from  peer.ID         // who sent them
}

// newIPFS starts one whose key is of a kind that no node of NoiseFS has.
func newIPFS(tb testing.TB, listen string) *ipfs {
	tb.Helper()
	key, _, err := crypto.GenerateKeyPair(crypto.Secp256k1, 0)
	if err != nil {
		tb.Fatal(err)
	}
	i := &ipfs{blocks: blockstore.NewBlockstore(dssync.MutexWrap(datastore.NewMapDatastore()))}
	i.host = must(libp2p.New(libp2p.ListenAddrStrings(listen), libp2p.Identity(key)))(tb)
	i.node = bitswap.New(context.Background(), bsnet.NewFromIpfsHost(i.host), nil, i.blocks,
		bitswap.WithTracer(i))
	tb.Cleanup(func() {
		if err := i.node.Close(); err != nil {
			tb.Error(err)
		}
		if err := i.host.Close(); err != nil {
			tb.Error(err)
		}
	})
	return i
}

// MessageReceived notes what is wanted of this node.
func (i *ipfs) MessageReceived(from peer.ID, m message.BitSwapMessage) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, entry := range m.Wantlist() {
		if !entry.Cancel {
			i.wants = append(i.wants, entry)
			i.from = from
		}
	}
	if i.node != nil && i.from != "" {
		i.most = max(i.most, len(i.node.WantlistForPeer(i.from)))
	}
}

// MessageSent is of no interest.
func (i *ipfs) MessageSent(peer.ID, message.BitSwapMessage) {}

// wanted returns what was wanted of this node, by kind.
func (i *ipfs) wanted() (wantBlocks, wantHaves, most int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, entry := range i.wants {
		if entry.WantType == pb.Message_Wantlist_Block {
			wantBlocks++
		} else {
			wantHaves++
		}
	}
	return wantBlocks, wantHaves, i.most
}

// asker is who wanted something of this node last.
func (i *ipfs) asker() peer.ID {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.from
}

// address is where the node is, with /p2p/ID.
func (i *ipfs) address(tb testing.TB) string {
	tb.Helper()
	info := peer.AddrInfo{ID: i.host.ID(), Addrs: i.host.Addrs()}
	return must(peer.AddrInfoToP2pAddrs(&info))(tb)[0].String()
}

func (i *ipfs) connect(tb testing.TB, address string) {
	tb.Helper()
	info := must(peer.AddrInfoFromP2pAddr(must(multiaddr.NewMultiaddr(address))(tb)))(tb)
	if err := i.host.Connect(context.Background(), *info); err != nil {
		tb.Fatal(err)
	}
}

// add stores blocks.
func (i *ipfs) add(tb testing.TB, all []messages.Block) {
	tb.Helper()
	for _, block := range all {
		named := must(blocks.NewBlockWithCid(block.Data, cidOf(tb, block.CID)))(tb)
		if err := i.blocks.Put(context.Background(), named); err != nil {
			tb.Fatal(err)
		}
	}
}

// cidOf reads a CID as IPFS tools do, from its text.
func cidOf(tb testing.TB, id messages.CID) cid.Cid {
	tb.Helper()
	return must(cid.Parse(id.String()))(tb)
}
