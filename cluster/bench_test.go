package cluster

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// BenchmarkBlocks moves blocks of 128 KiB from one host to another over
// loopback, each asked for by a request and hashed on arrival, 64 under way.
func BenchmarkBlocks(b *testing.B) {
	for name, listen := range map[string]string{
		"TCP": testListen, "QUIC": "/ip4/127.0.0.1/udp/0/quic-v1",
	} {
		b.Run(name, func(b *testing.B) {
			const inFlight = 64
			holder, reader := newHost(b, testConfig(listen)), newHost(b, testConfig(listen))
			connect(b, reader, holder)
			block := make([]byte, 128<<10)
			var server port.Joined
			server = holder.Join(func(msg any) {
				if m, ok := msg.(messages.PacketReceived); ok {
					server.Respond(m.Exchange, messages.Packet{Blocks: [][]byte{block}})
				}
			})
			server.Handle(testProtocol)
			answers := make(chan messages.RequestAnswered, inFlight)
			asker := reader.Join(func(msg any) { answers <- msg.(messages.RequestAnswered) })
			b.SetBytes(int64(len(block)))
			asked := 0
			for done := 0; done < b.N; done++ {
				for ; asked < min(b.N, done+inFlight); asked++ {
					asker.Request(messages.Corr(asked), holder.Self(), testProtocol,
						messages.Packet{Head: []byte("block")}, time.Minute)
				}
				got := <-answers
				if got.Err != nil {
					b.Fatal(got.Err)
				}
				sha256.Sum256(got.Packet.Blocks[0])
			}
		})
	}
}

// BenchmarkRoundTrip asks and answers, one request after the other.
func BenchmarkRoundTrip(b *testing.B) {
	a, c := newHost(b, testConfig(testListen)), newHost(b, testConfig(testListen))
	connect(b, a, c)
	var server port.Joined
	server = c.Join(func(msg any) {
		if m, ok := msg.(messages.PacketReceived); ok {
			server.Respond(m.Exchange, m.Packet)
		}
	})
	server.Handle(testProtocol)
	answers := make(chan messages.RequestAnswered, 1)
	asker := a.Join(func(msg any) { answers <- msg.(messages.RequestAnswered) })
	for corr := messages.Corr(1); b.Loop(); corr++ {
		asker.Request(corr, c.Self(), testProtocol, messages.Packet{Head: []byte("ping")}, time.Minute)
		if got := <-answers; got.Err != nil {
			b.Fatal(got.Err)
		}
	}
}
