package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"go.uber.org/goleak"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// One goroutine of the whole process, which ticks while there is traffic.
		goleak.IgnoreAnyFunction("github.com/libp2p/go-flow-metrics.(*sweeper).run"))
}

// await polls: the suites have no channel to wait on. The limit only keeps a
// failing test from hanging.
func await(tb testing.TB, done func() bool) {
	tb.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatal("waited in vain")
		}
	}
}

const testProtocol messages.Protocol = "/noisefs/test/1"

// testConfig is a node on loopback that may be spoken with about tests.
func testConfig(listen string) Config {
	c := Config{
		Listen:    []string{listen},
		Protocols: []messages.Protocol{testProtocol, "/noisefs/other/1"},
		Topics: []Topic{
			{
				Name: "/noisefs/test/gossip/1", BytesMax: messages.GossipMax,
				Burst: 16, Every: time.Second, Authors: 20, AuthorEvery: time.Minute,
			},
			{
				Name: "/noisefs/test/other/1", BytesMax: messages.GossipMax,
				Burst: 16, Every: time.Second, Authors: 20, AuthorEvery: time.Minute,
			},
		},
	}
	_, _ = rand.Read(c.Seed[:])
	return c
}

// newHost starts a node that ends with the test.
func newHost(tb testing.TB, c Config) *Host {
	tb.Helper()
	h, err := Start(c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := h.Close(); err != nil {
			tb.Error(err)
		}
	})
	return h
}

// connect makes a and b know each other.
func connect(tb testing.TB, a, b *Host) {
	tb.Helper()
	if _, err := a.Connect(context.Background(), b.Addresses()[0]); err != nil {
		tb.Fatal(err)
	}
}

// netNode makes an incarnation on a host.
func netNode(h *Host, answer func(any)) porttest.NetNode {
	p := h.Join(answer)
	return porttest.NetNode{
		Net: p, Gossip: settled{p, new(sync.Once)},
		Again: func(_ testing.TB, answer func(any)) porttest.NetNode {
			p.Close()
			return netNode(h, answer)
		},
	}
}

// settled lets the meshes form before an incarnation publishes: what is
// published before is heard by some alone, which is within the contract, and no
// test of it.
type settled struct {
	port.Gossip
	once *sync.Once
}

func (s settled) Publish(topic string, payload []byte) {
	s.once.Do(func() { time.Sleep(3 * pubsub.GossipSubHeartbeatInterval) })
	s.Gossip.Publish(topic, payload)
}

// harness makes networks of nodes that all know each other.
func harness(listen string) porttest.NetHarness {
	return porttest.NetHarness{
		Await: await, Patience: 2 * time.Second,
		New: func(tb testing.TB) func(func(any)) porttest.NetNode {
			var hosts []*Host
			return func(answer func(any)) porttest.NetNode {
				h := newHost(tb, testConfig(listen))
				for _, other := range hosts {
					connect(tb, h, other)
				}
				hosts = append(hosts, h)
				return netNode(h, answer)
			}
		},
	}
}

func TestNetOverTCP(t *testing.T)  { porttest.Net(t, harness("/ip4/127.0.0.1/tcp/0")) }
func TestNetOverQUIC(t *testing.T) { porttest.Net(t, harness("/ip4/127.0.0.1/udp/0/quic-v1")) }
func TestGossip(t *testing.T)      { porttest.Gossip(t, harness("/ip4/127.0.0.1/tcp/0")) }

// box collects what a port delivers.
type box struct {
	mu    sync.Mutex
	heard []any
}

func (b *box) deliver(msg any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = append(b.heard, msg)
}

func (b *box) take() []any {
	b.mu.Lock()
	defer b.mu.Unlock()
	heard := b.heard
	b.heard = nil
	return heard
}

func (b *box) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.heard)
}

// isLost reports whether err is that of a peer that does not answer.
func isLost(err error) bool {
	return errors.Is(err, port.ErrUnreachable) || errors.Is(err, port.ErrTimeout)
}
