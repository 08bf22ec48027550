package index

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"testing"

	"github.com/noisefs/noisefs/messages"
)

// The vectors of https://c2sp.org/XAES-256-GCM, section "Test vectors".
func TestXAESVectors(t *testing.T) {
	tests := []struct {
		name, data, want string
		key              byte
	}{
		{"TopBitClear", "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271", 1},
		{
			"TopBitSet", "c2sp.org/XAES-256-GCM",
			"986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d", 3,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := newTestXAES(t, messages.Secret(bytes.Repeat([]byte{tt.key}, 32)))
			nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
			sealed, err := x.seal(nil, nonce, []byte("XAES-256-GCM"), []byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(sealed[nonceSize:]); got != tt.want {
				t.Errorf("seal: got %s, want %s", got, tt.want)
			}
			opened, err := x.open(nil, sealed, []byte(tt.data))
			if err != nil || string(opened) != "XAES-256-GCM" {
				t.Errorf("open: got %q, %v", opened, err)
			}
		})
	}
}

// The accumulated test of the specification: 10,000 keys, nonces, plaintexts
// and additional data drawn from SHAKE-128.
func TestXAESAccumulated(t *testing.T) {
	random, sum := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	draw := func(n int) []byte {
		p := make([]byte, n)
		_, _ = random.Read(p)
		return p
	}
	for range 10_000 {
		x := newTestXAES(t, messages.Secret(draw(32)))
		nonce := draw(nonceSize)
		plaintext := draw(int(draw(1)[0]))
		data := draw(int(draw(1)[0]))
		sealed, err := x.seal(nil, nonce, plaintext, data)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = sum.Write(sealed[nonceSize:])
		opened, err := x.open(nil, sealed, data)
		if err != nil || !bytes.Equal(opened, plaintext) {
			t.Fatalf("open of what was sealed: %v", err)
		}
	}
	got := make([]byte, 32)
	_, _ = sum.Read(got)
	const want = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
	if hex.EncodeToString(got) != want {
		t.Errorf("got %x, want %s", got, want)
	}
}

func newTestXAES(tb testing.TB, key messages.Secret) *xaes {
	tb.Helper()
	x, err := newXAES(&key)
	if err != nil {
		tb.Fatal(err)
	}
	return x
}

// FuzzXAES: nothing but what was sealed opens, and nothing panics.
func FuzzXAES(f *testing.F) {
	key := messages.Secret(bytes.Repeat([]byte{7}, 32))
	x := newTestXAES(f, key)
	sealed, err := x.seal(nil, make([]byte, nonceSize), []byte("row"), []byte("data"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed, []byte("data"))
	f.Add(sealed[:nonceSize], []byte("data"))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, in, data []byte) {
		_, err := x.open(nil, in, data)
		same := bytes.Equal(in, sealed) && string(data) == "data"
		if (err == nil) != same {
			t.Errorf("open: %v, want success only for the sealed bytes", err)
		}
	})
}

func BenchmarkXAESSeal(b *testing.B) {
	x := newTestXAES(b, messages.Secret{1})
	nonce, row, data := make([]byte, nonceSize), make([]byte, 192), make([]byte, 64)
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.seal(buf, nonce, row, data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkXAESOpen(b *testing.B) {
	x := newTestXAES(b, messages.Secret{1})
	data := make([]byte, 64)
	sealed, err := x.seal(nil, make([]byte, nonceSize), make([]byte, 192), data)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.open(buf, sealed, data); err != nil {
			b.Fatal(err)
		}
	}
}
