package randomizer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func sqrt(x float64) float64 { return math.Sqrt(x) }

// randomBytes fills n bytes from a seeded ChaCha8.
func randomBytes(source *rand.ChaCha8, n int) []byte {
	data := make([]byte, n)
	_, _ = source.Read(data)
	return data
}

func TestRandomBlocksAreAdmitted(t *testing.T) {
	for _, test := range []struct{ size, count int }{
		{1 << 10, 20_000}, {1 << 12, 2000}, {1 << 17, 200},
	} {
		e := newExaminer(test.size)
		source := rand.NewChaCha8([32]byte{1, byte(test.size >> 8)})
		for i := range test.count {
			if why := e.examine(randomBytes(source, test.size)); why != "" {
				t.Fatalf("random block %d of %d bytes was refused: %s", i, test.size, why)
			}
		}
	}
}

func TestStructuredBlocksAreRefused(t *testing.T) {
	const size = 1 << 17
	source := rand.NewChaCha8([32]byte{2})
	fill := func(f func(i int) byte) []byte {
		data := make([]byte, size)
		for i := range data {
			data[i] = f(i)
		}
		return data
	}
	noise := randomBytes(source, size)
	jpeg := append([]byte{0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0}, make([]byte, size)...)
	halfNoise := append(bytes.Clone(noise[:size/2]), noise[:size/2]...)
	var counter []byte
	for i := range size / 2 {
		counter = binary.LittleEndian.AppendUint16(counter, uint16(i))
	}
	lateRepeat := bytes.Clone(noise)
	copy(lateRepeat[size-24:], lateRepeat[8:32])
	tests := map[string][]byte{
		"Zeros":       make([]byte, size),
		"Ones":        fill(func(int) byte { return 0xff }),
		"ASCII":       fill(func(i int) byte { return 'a' + noise[i]%26 }),
		"EnglishText": []byte(strings.Repeat("It is a truth universally known. ", size/33+1))[:size],
		"Base64": fill(func(i int) byte {
			return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[noise[i]%64]
		}),
		"RepeatedWords": bytes.Repeat(noise[:4096], size/4096),
		"OddPeriod":     bytes.Repeat(noise[:8191], size/8191+1)[:size],
		"TwoHalves":     halfNoise,
		"LowEntropy":    fill(func(i int) byte { return noise[i] & 0x7f }),
		"FourBits":      fill(func(i int) byte { return noise[i] & 0x0f * 0x11 }),
		"Sparse":        fill(func(i int) byte { return noise[i] * byte((i%64)/63) }),
		"JPEGHeader":    jpeg[:size],
		"Counter":       counter,
		"HalfZeros":     append(bytes.Clone(noise[:size/2]), make([]byte, size/2)...),
		"LateRepeat":    lateRepeat,
		"WrongSize":     noise[:size-1],
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			if why := newExaminer(size).examine(data); why == "" {
				t.Error("was admitted")
			}
		})
	}
	for _, size := range []int{1 << 10, 1 << 14} {
		for _, name := range []string{"Zeros", "ASCII", "EnglishText", "Base64", "Counter"} {
			t.Run(fmt.Sprintf("%sOf%d", name, size), func(t *testing.T) {
				if why := newExaminer(size).examine(tests[name][:size]); why == "" {
					t.Error("was admitted")
				}
			})
		}
	}
}

// TestEachTestRefuses shows that no test stands behind another for nothing.
func TestEachTestRefuses(t *testing.T) {
	const size = 1 << 12
	source := rand.NewChaCha8([32]byte{3})
	var uniform []byte // every byte value as often as the others
	for i := range size {
		uniform = append(uniform, byte(i))
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(size, func(i, j int) {
		uniform[i], uniform[j] = uniform[j], uniform[i]
	})
	plane := randomBytes(source, size)
	for i := range plane { // a plane of zeros and one of ones: balanced in total
		plane[i] = plane[i]&^3 | 1
	}
	repeated := randomBytes(source, size)
	copy(repeated[size/2:], repeated[:24])
	compressible := randomBytes(source, size)
	copy(compressible[2001:], compressible[:1500]) // no aligned word repeats
	for _, test := range []struct {
		want string
		data []byte
	}{
		{refusedMonobit, bytes.Repeat([]byte{0}, size)},
		{fmt.Sprintf(refusedPlane, 0), plane},
		{refusedBytes, uniform},
		{refusedRepeats, repeated},
		{refusedCompress, compressible},
		{refusedSize, nil},
	} {
		if got := newExaminer(size).examine(test.data); got != test.want {
			t.Errorf("refused because %q, want %q", got, test.want)
		}
	}
}

// TestFalsePositiveRate computes the bounds of the chi-square test and adds
// up all of them.
func TestFalsePositiveRate(t *testing.T) {
	for n := 1 << 10; n <= 1<<17; n *= 2 {
		high, low := chiSquareTails(n)
		words := float64(n / 8)
		total := math.Exp2(1-monobitBits) + 8*math.Exp2(1-bitPlaneBits) + high + low +
			math.Pow(words, 4)/8*math.Exp2(-128) + math.Exp2(-8*compressionSaved)*256/255
		if total > math.Exp2(-40) {
			t.Errorf("%d bytes: false-positive rate 2^%.2f (chi-square 2^%.2f and 2^%.2f)",
				n, math.Log2(total), math.Log2(high), math.Log2(low))
		}
	}
}

// chiSquareTails bounds the probabilities that the byte chi-square of n
// random bytes lies above chiSquareMax, and below chiSquareMin.
func chiSquareTails(n int) (high, low float64) {
	mean := float64(n) / 256
	// What it costs to take the counts as independent Poisson ones:
	// 1/P(their sum is n), by Stirling.
	condition := 0.5*math.Log(2*math.Pi*float64(n)) + 1/(12*float64(n))
	cut := int(mean)
	for logBinomialTail(n, cut) > -46*math.Ln2-math.Log(256) {
		cut++
	}
	// Chernoff: exp(-sT) E[exp(sX)]^256 for the best s of a few.
	bound := func(sign, limit float64, most int, steps []float64) float64 {
		best := 0.0
		for _, s := range steps {
			terms := make([]float64, most+1)
			for x := range terms {
				d := (float64(x) - mean) * (float64(x) - mean) / mean
				terms[x] = logPoisson(mean, x) + sign*s*d
			}
			best = min(best, 256*logSum(terms)-sign*s*limit+condition)
		}
		return best
	}
	far := int(mean + 60*math.Sqrt(mean) + 60)
	high = math.Exp2(-46) +
		math.Exp(bound(1, chiSquareMax, cut, []float64{0.15, 0.2, 0.22, 0.24, 0.26, 0.28, 0.3}))
	low = math.Exp(bound(-1, chiSquareMin, far, []float64{0.5, 0.7, 0.8, 0.9, 1, 1.2, 1.5, 2}))
	return high, low
}

func logPoisson(mean float64, x int) float64 {
	return -mean + float64(x)*math.Log(mean) - logFactorial(x)
}

func logFactorial(x int) float64 {
	v, _ := math.Lgamma(float64(x) + 1)
	return v
}

// logBinomialTail is ln P(more than cut of n bytes have one given value).
func logBinomialTail(n, cut int) float64 {
	const terms = 2000 // the rest is far below rounding
	var logs []float64
	for x := cut + 1; x <= min(n, cut+terms); x++ {
		logs = append(logs, logFactorial(n)-logFactorial(x)-logFactorial(n-x)-
			float64(x)*math.Log(256)+float64(n-x)*math.Log1p(-1.0/256))
	}
	return logSum(logs)
}

func logSum(logs []float64) float64 {
	top := math.Inf(-1)
	for _, v := range logs {
		top = max(top, v)
	}
	sum := 0.0
	for _, v := range logs {
		sum += math.Exp(v - top)
	}
	return top + math.Log(sum)
}

// FuzzExamine: whatever is short and fills a block by repeating itself is
// refused.
func FuzzExamine(f *testing.F) {
	const size = 1 << 12
	e := newExaminer(size)
	f.Add([]byte{0})
	f.Add([]byte("It is a truth universally known"))
	f.Add(randomBytes(rand.NewChaCha8([32]byte{4}), 509))
	f.Fuzz(func(t *testing.T, seed []byte) {
		if len(seed) == 0 || len(seed) > size/8 {
			return
		}
		block := bytes.Repeat(seed, size/len(seed)+1)[:size]
		if e.examine(block) == "" {
			t.Errorf("%d bytes that repeat themselves were admitted", len(seed))
		}
	})
}
