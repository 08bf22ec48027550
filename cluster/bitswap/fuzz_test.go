package bitswap

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-msgio"

	"github.com/noisefs/noisefs/messages"
)

// sent is a stream on which everything has arrived.
type sent struct {
	network.Stream // of which nothing else is used
	io.Reader
	scope ledger
}

func (s *sent) Read(p []byte) (int, error)      { return s.Reader.Read(p) }
func (s *sent) SetReadDeadline(time.Time) error { return nil }
func (s *sent) Scope() network.StreamScope      { return &s.scope }

// ledger counts the memory that is reserved.
type ledger struct {
	network.NullScope
	held, most int
}

func (l *ledger) ReserveMemory(bytes int, _ uint8) error {
	l.held += bytes
	l.most = max(l.most, l.held)
	return nil
}

func (l *ledger) ReleaseMemory(bytes int) { l.held -= bytes }

// FuzzMessages reads what a peer sent as the lane does. No more memory is
// reserved than one message may have, all of it is given back, and what is
// understood is about blocks that a node may have, or is dropped.
func FuzzMessages(f *testing.F) {
	m := message.New(true)
	m.AddEntry(cidOf(messages.CID{1}), 1, pb.Message_Wantlist_Block, true)
	m.AddDontHave(cidOf(messages.CID{2}))
	var one bytes.Buffer
	if err := m.ToNetV1(&one); err != nil {
		f.Fatal(err)
	}
	f.Add(one.Bytes())
	f.Add(append(bytes.Clone(one.Bytes()), one.Bytes()...))
	f.Add(binary.AppendUvarint(nil, messageBytesMax+1))
	f.Add(append(binary.AppendUvarint(nil, 100), bytes.Repeat([]byte{0xff}, 100)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		stream := &sent{Reader: bytes.NewReader(data)}
		in := &metered{
			Stream: stream, in: bufio.NewReaderSize(stream, readBytes),
			of: &guarded{patience: time.Minute},
		}
		reader := msgio.NewVarintReaderSize(in, network.MessageSizeMax)
		for {
			got, _, err := message.FromMsgReader(reader)
			if err != nil {
				break
			}
			for _, entry := range got.Wantlist() {
				if digest, ours := digestOf(entry.Cid); ours && !cidOf(digest).Equals(entry.Cid) {
					t.Fatalf("%s is taken for %s", entry.Cid, cidOf(digest))
				}
			}
		}
		in.release()
		if stream.scope.held != 0 || stream.scope.most > 2*messageBytesMax {
			t.Errorf("%d bytes are reserved, and were %d", stream.scope.held, stream.scope.most)
		}
	})
}

func FuzzDigest(f *testing.F) {
	f.Add(cidOf(messages.CID{1}).Bytes())
	f.Add(cid.NewCidV0(cidOf(messages.CID{1}).Hash()).Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		_, c, err := cid.CidFromBytes(data)
		if err != nil {
			return
		}
		if digest, ours := digestOf(c); ours && !cidOf(digest).Equals(c) {
			t.Fatalf("%s is taken for %s", c, cidOf(digest))
		}
	})
}
