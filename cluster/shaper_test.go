package cluster

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// takeFor takes pieces for a span of virtual time and returns how many bytes.
func takeFor(of *share, span time.Duration) int {
	taken := 0
	for until := time.Now().Add(span); time.Now().Before(until); {
		if of.take(pieceBytes) != nil {
			break
		}
		taken += pieceBytes
	}
	return taken
}

// What passes is what the rate allows, give or take a burst, whoever asks.
func TestShaperKeepsItsRate(t *testing.T) {
	for _, rate := range []int64{RateMin, 1 << 20, 1 << 30} {
		synctest.Test(t, func(t *testing.T) {
			s := newShaper(rate, 0)
			const span = 20 * time.Second
			taken := make(chan int)
			for i := range 3 {
				of := s.share(t.Context(), messages.NodeID{byte(i)}, messages.ProtocolBlock)
				go func() { taken <- takeFor(of, span) }()
			}
			total := 0
			for range 3 {
				total += <-taken
			}
			want := float64(rate) * span.Seconds()
			slack := max(0.05*want, 4*pieceBytes)
			if float64(total) < want-slack || float64(total) > want+slack {
				t.Errorf("%d bytes passed at %d per second, want about %.0f", total, rate, want)
			}
		})
	}
}

// A peer has its own part and no more, however many others came and went since
// its streams were opened.
func TestShaperBoundsAPeerAmongMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const span = 10 * time.Second
		s := newShaper(0, 1<<20)
		before := s.share(t.Context(), messages.NodeID{1}, messages.ProtocolBlock)
		if err := before.take(pieceBytes); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		for i := range peerBucketsMax + 1 {
			of := s.share(t.Context(), messages.NodeID{2, byte(i), byte(i >> 8)}, messages.ProtocolBlock)
			if err := of.take(1); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		after := s.share(t.Context(), messages.NodeID{1}, messages.ProtocolBlock)
		taken := make(chan int, 2)
		for _, of := range []*share{before, after} {
			go func() { taken <- takeFor(of, span) }()
		}
		if n := <-taken + <-taken; n > 11<<20 {
			t.Errorf("a peer got %d bytes in %s, want about 10 MiB", n, span)
		}
		if n := len(s.peers); n > peerBucketsMax {
			t.Errorf("%d buckets, want %d at most", n, peerBucketsMax)
		}
	})
}

// One peer gets its own part of the whole, and does not take that of others.
func TestShaperBoundsEachPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShaper(10<<20, 1<<20)
		taken := make(chan int, 2)
		for i := range 2 {
			of := s.share(t.Context(), messages.NodeID{byte(i)}, messages.ProtocolBlock)
			go func() { taken <- takeFor(of, 10*time.Second) }()
		}
		for range 2 {
			if n := <-taken; n < 9<<20 || n > 11<<20 {
				t.Errorf("a peer got %d bytes in 10 s, want about 10 MiB", n)
			}
		}
	})
}

// While somebody waits for a block, what is spread waits.
func TestShaperPrefersReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShaper(1<<20, 0)
		reads := s.share(t.Context(), messages.NodeID{1}, messages.ProtocolBlock)
		pushes := s.share(t.Context(), messages.NodeID{2}, messages.ProtocolReplica)
		pushed := make(chan int)
		go func() { pushed <- takeFor(pushes, 20*time.Second) }()
		read := takeFor(reads, 10*time.Second)
		if read < 9<<20 {
			t.Errorf("reads got %d bytes of 10 MiB", read)
		}
		if n := <-pushed; n < 9<<20 || n > 12<<20 {
			t.Errorf("pushes got %d bytes, want what the reads left: about 10 MiB", n)
		}
	})
}

func TestShaperEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		of := newShaper(RateMin, 0).share(ctx, messages.NodeID{}, messages.ProtocolBlock)
		failed := make(chan error)
		go func() {
			for {
				if err := of.take(pieceBytes); err != nil {
					failed <- err
					return
				}
			}
		}()
		synctest.Wait()
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestShaperForgetsIdlePeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShaper(0, 1<<20)
		for i := range 3 * peerBucketsMax {
			of := s.share(t.Context(), messages.NodeID{byte(i), byte(i >> 8)}, messages.ProtocolBlock)
			if of.take(1000) != nil || len(s.peers) > peerBucketsMax {
				t.Fatalf("%d buckets are kept", len(s.peers))
			}
			time.Sleep(time.Millisecond)
		}
	})
}

func TestNoShaper(t *testing.T) {
	of := newShaper(0, 0).share(t.Context(), messages.NodeID{}, messages.ProtocolBlock)
	if of.bounds() || of.take(1<<30) != nil {
		t.Error("traffic without a bound is bounded")
	}
}
