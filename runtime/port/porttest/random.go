package porttest

import (
	"math"
	"math/bits"
	"slices"
	"sync"
	"testing"

	"github.com/noisefs/noisefs/runtime/port"
)

// Rand proves the contract of [port.Rand]. make returns a stream of its own
// at each call.
func Rand(t *testing.T, make func(tb testing.TB) port.Rand) {
	r := make(t)
	for _, n := range []int{1, 2, 3, 1000, math.MaxInt} {
		for range 100 {
			if got := r.IntN(n); got < 0 || got >= n {
				t.Fatalf("IntN(%d) = %d", n, got)
			}
		}
	}
	for range 1000 {
		if got := r.Float64(); got < 0 || got >= 1 {
			t.Fatalf("Float64() = %v", got)
		}
	}
	order := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	slices.Sort(order)
	for i, got := range order {
		if got != i {
			t.Fatalf("Shuffle lost %d", i)
		}
	}
	seen := map[uint64]bool{}
	for range 16 {
		stream := make(t)
		for range 64 {
			seen[stream.Uint64()] = true
		}
	}
	if len(seen) != 16*64 {
		t.Errorf("16 streams of 64 numbers have %d different ones", len(seen))
	}
}

// Entropy proves the contract of [port.Entropy], as far as tests can.
func Entropy(t *testing.T, make func(tb testing.TB) port.Entropy) {
	t.Run("FillsAll", func(t *testing.T) { entropyFillsAll(t, make(t)) })
	t.Run("LooksRandom", func(t *testing.T) { entropyLooksRandom(t, make(t)) })
	t.Run("NeverRepeats", func(t *testing.T) { entropyNeverRepeats(t, make(t), make(t)) })
	t.Run("Uint64N", func(t *testing.T) { entropyUint64N(t, make(t)) })
}

func entropyFillsAll(t *testing.T, e port.Entropy) {
	e.Fill(nil)
	for _, size := range []int{1, 15, 16, 32, 511, 512, 513, 4096, 131072, 131073} {
		// Bytes that are left alone stay zero in every round; that a random
		// byte is zero 16 times has a chance of 2^-128.
		or := make([]byte, size)
		p := make([]byte, size)
		for range 16 {
			clear(p)
			e.Fill(p)
			for i := range p {
				or[i] |= p[i]
			}
		}
		if i := slices.Index(or, 0); i >= 0 {
			t.Errorf("byte %d of %d is never filled", i, size)
		}
	}
}

func entropyLooksRandom(t *testing.T, e port.Entropy) {
	const size = 1 << 20
	p := make([]byte, size)
	for i := range p {
		p[i] = 0xff // must be overwritten, not mixed in
	}
	e.Fill(p)
	ones := 0
	var counts [256]int
	for _, b := range p {
		ones += bits.OnesCount8(b)
		counts[b]++
	}
	// Eight standard deviations of a binomial: a chance of about 10^-15.
	if off := math.Abs(float64(ones - size*4)); off > 8*math.Sqrt(size*8)/2 {
		t.Errorf("%d of %d bits are ones", ones, size*8)
	}
	chi := 0.0
	for _, n := range counts {
		off := float64(n) - size/256
		chi += off * off / (size / 256)
	}
	// 255 degrees of freedom: mean 255, deviation √510.
	if math.Abs(chi-255) > 10*math.Sqrt(510) {
		t.Errorf("chi-square of the bytes is %.0f, want about 255", chi)
	}
}

// entropyNeverRepeats looks for the same 16 bytes at an aligned place, which
// a key stream that is used twice would show.
func entropyNeverRepeats(t *testing.T, a, b port.Entropy) {
	var mu sync.Mutex
	seen := make(map[[16]byte]bool)
	var wait sync.WaitGroup
	for i := range 8 {
		e := a
		if i%2 == 1 {
			e = b
		}
		wait.Go(func() {
			for _, size := range []int{16, 64, 1024, 8192, 65536} {
				p := make([]byte, size)
				e.Fill(p)
				mu.Lock()
				for at := 0; at < size; at += 16 {
					word := [16]byte(p[at:])
					if seen[word] {
						t.Errorf("16 bytes came twice, in a Fill of %d", size)
					}
					seen[word] = true
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
}

func entropyUint64N(t *testing.T, e port.Entropy) {
	for _, n := range []uint64{1, 2, 3, 10, 1 << 32, 1<<63 + 1, math.MaxUint64} {
		for range 200 {
			if got := e.Uint64N(n); got >= n {
				t.Fatalf("Uint64N(%d) = %d", n, got)
			}
		}
	}
	// A modulus instead of a uniform draw would make the lower half of
	// 3·2^62 twice as likely as it should be: 2/3 instead of 1/2.
	const draws, n = 10_000, 3 << 62
	low := 0
	for range draws {
		if e.Uint64N(n) < n/2 {
			low++
		}
	}
	if math.Abs(float64(low)-draws/2) > 8*math.Sqrt(draws)/2 {
		t.Errorf("%d of %d draws are in the lower half", low, draws)
	}
}
