package cluster_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/noisefs/noisefs/cluster"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

// town is a network of whole nodes, as daemons run them, in this process and on
// real wires.
type town struct {
	tb    testing.TB
	nodes []*resident
	files byte // that were stored
}

// resident is one of them.
type resident struct {
	*repo.Repo
	wire *tapped
	gate *gate
}

// newTown starts n nodes that know each other.
func newTown(tb testing.TB, n int) *town {
	tb.Helper()
	t := &town{tb: tb}
	for range n {
		t.move(nil)
	}
	t.meet()
	return t
}

// move starts one node more. spoil changes its settings, if it is not nil.
func (t *town) move(spoil func(*config.Config)) *resident {
	t.tb.Helper()
	settings := config.Default()
	settings.Network.Listen = "/ip4/127.0.0.1/tcp/0"
	settings.Network.DisperseDelay = 500 * time.Millisecond
	settings.Network.ProbeInterval = 300 * time.Millisecond
	if len(t.nodes) > 0 {
		settings.Network.Bootstrap = t.nodes[0].wire.Addresses()[0]
	}
	if spoil != nil {
		spoil(settings)
	}
	dir := filepath.Join(t.tb.TempDir(), "repo")
	if err := repo.Create(dir, vault.WithNothing(), vault.Options{}, nil); err != nil {
		t.tb.Fatal(err)
	}
	r := &resident{wire: &tapped{}, gate: &gate{}}
	opened, err := repo.Open(t.tb.Context(), dir, repo.Options{
		Who: "a test", Config: settings,
		Credentials: func(context.Context, vault.Mode) (vault.Credentials, error) {
			return vault.WithNothing(), nil
		},
		Join: func(identity repo.Identity, c *config.Config) (repo.Network, error) {
			settings := cluster.Config{
				Seed: identity.Seed, Listen: []string{c.Network.Listen}, Gate: r.gate,
			}
			if c.Network.Relay == "on" { // and dialled by nobody
				settings.Listen, settings.Relayed = nil, cluster.Always
			}
			if c.Network.RelayService == "on" {
				settings.RelayOthers = cluster.Always
			}
			settings.Bounds.RelayCheck = 100 * time.Millisecond
			if c.Network.Bootstrap != "" {
				settings.Bootstrap = []string{c.Network.Bootstrap}
			}
			host, err := cluster.Start(settings)
			r.wire.Host = host
			return r.wire, err
		},
	})
	if err != nil {
		t.tb.Fatal(err)
	}
	r.Repo = opened
	t.tb.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.tb.Error(err)
		}
	})
	t.nodes = append(t.nodes, r)
	return r
}

// meet waits until everybody knows of everybody.
func (t *town) meet() {
	t.tb.Helper()
	t.await(func() bool { return t.know(t.nodes, len(t.nodes)) })
}

// status is how a node stands in the network.
func (t *town) status(of *resident) node.NetworkStatus {
	t.tb.Helper()
	status, err := of.Network(t.tb.Context())
	if err != nil {
		t.tb.Fatal(err)
	}
	return status
}

// patience only keeps a failing test from hanging.
const patience = 2 * time.Minute

// skipShort skips what says nothing that the race detector could see better.
func skipShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("not with -short")
	}
}

// await polls.
func (t *town) await(done func() bool) {
	t.tb.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.tb.Fatal("waited in vain")
		}
	}
}

// store puts noise through a node, and waits until others hold all of it.
func (t *town) store(by *resident, size, others int) ([]byte, messages.Link) {
	t.tb.Helper()
	t.files++
	data := noise(size, t.files)
	link, err := by.PutFile(t.tb.Context(), bytes.NewReader(data), node.PutOptions{})
	if err != nil {
		t.tb.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.tb.Context(), patience)
	defer cancel()
	if err := by.Spread(ctx, messages.Target{Link: &link}, others, nil); err != nil {
		t.tb.Fatal(err)
	}
	return data, link
}

// noise is size bytes that no compression shortens.
func noise(size int, seed byte) []byte {
	var data bytes.Buffer
	for sum := sha256.Sum256([]byte{seed}); data.Len() < size; sum = sha256.Sum256(sum[:]) {
		data.Write(sum[:])
	}
	return data.Bytes()[:size]
}

// read reads a file through a node and says what is wrong.
func (r *resident) read(ctx context.Context, link messages.Link, want []byte) (err error) {
	file, err := r.Open(ctx, messages.Target{Link: &link})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var got bytes.Buffer
	if _, err := file.CopyTo(ctx, &got, 0, int64(len(want))); err != nil {
		return err
	}
	if !bytes.Equal(got.Bytes(), want) {
		return fmt.Errorf("%d other bytes", got.Len())
	}
	return nil
}

// wantFile reads a file through a node and compares.
func (t *town) wantFile(by *resident, link messages.Link, want []byte) {
	t.tb.Helper()
	if err := by.read(t.tb.Context(), link, want); err != nil {
		t.tb.Fatal(err)
	}
}

// question is a request for a block, as it was heard.
type question struct {
	from messages.NodeID
	cid  messages.CID
	at   time.Time
}

// tapped is a node's host, of which it is known which blocks it is asked for.
type tapped struct {
	*cluster.Host

	mu    sync.Mutex
	heard []question
	// lie is what it answers instead of the truth, if it is set; false: nothing.
	lie lie
	// late is how long it takes to answer.
	late time.Duration
}

// lie turns the answer to a request for a block into another one.
type lie func(truth messages.Packet) (packet messages.Packet, answers bool)

var _ repo.Network = (*tapped)(nil)

// Join implements [port.Wire].
func (w *tapped) Join(answer func(any)) port.Joined {
	p := &tappedPort{wire: w, open: make(map[messages.Exchange]bool)}
	p.Joined = w.Host.Join(func(msg any) {
		if m, ok := msg.(messages.PacketReceived); ok && m.Protocol == messages.ProtocolBlock {
			p.asked(m)
		}
		answer(msg)
	})
	return p
}

// Connections implements [node.Edge]; no test asks.
func (w *tapped) Connections() []node.Connection { return nil }

// Traffic implements [node.Edge]; no test asks.
func (w *tapped) Traffic() node.Traffic { return node.Traffic{} }

// Invite implements [node.Edge]; no test asks.
func (w *tapped) Invite(time.Time) (string, error) { return "", errors.ErrUnsupported }

// take returns what was heard since the last time.
func (w *tapped) take() []question {
	w.mu.Lock()
	defer w.mu.Unlock()
	heard := w.heard
	w.heard = nil
	return heard
}

// pretend sets what the node answers.
func (w *tapped) pretend(l lie) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lie = l
}

// dawdle sets how long the node takes to answer.
func (w *tapped) dawdle(late time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = late
}

// tappedPort is what an actor has of it.
type tappedPort struct {
	port.Joined
	wire *tapped
	open map[messages.Exchange]bool // requests for blocks; guarded by wire.mu
}

func (p *tappedPort) asked(m messages.PacketReceived) {
	request, err := wire.DecodeBlockRequest(m.Packet.Head)
	if err != nil {
		return
	}
	p.wire.mu.Lock()
	defer p.wire.mu.Unlock()
	p.open[m.Exchange] = true
	p.wire.heard = append(p.wire.heard, question{from: m.From, cid: request.CID, at: time.Now()})
}

// Respond implements [port.Net].
func (p *tappedPort) Respond(exchange messages.Exchange, packet messages.Packet) {
	p.wire.mu.Lock()
	asked, lie, late := p.open[exchange], p.wire.lie, p.wire.late
	delete(p.open, exchange)
	p.wire.mu.Unlock()
	if asked && lie != nil {
		var answers bool
		if packet, answers = lie(packet); !answers {
			return
		}
	}
	if asked && late > 0 {
		time.AfterFunc(late, func() { p.Joined.Respond(exchange, packet) })
		return
	}
	p.Joined.Respond(exchange, packet)
}
