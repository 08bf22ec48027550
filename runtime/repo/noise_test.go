package repo_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"sync"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

// The tests of this file look at a repository as somebody does who has every
// block of it and no key. Each fails on a mistake that earlier attempts at
// this idea made.

func newOpenRepo(t *testing.T, profile string) *repo.Repo {
	t.Helper()
	dir := t.TempDir()
	err := repo.Create(dir, vault.WithNothing(), vault.Options{},
		map[string]string{"storage.profile": profile})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := reopen(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
	return opened
}

func reopen(dir string) (*repo.Repo, error) {
	cfg, err := config.Load(dir, nil, nil)
	if err != nil {
		return nil, err
	}
	return repo.Open(context.Background(), dir, repo.Options{
		Who: "a test", Config: cfg,
		Credentials: func(context.Context, vault.Mode) (vault.Credentials, error) {
			return vault.WithNothing(), nil
		},
	})
}

// asciiText is text that repeats itself, as prose does, and no byte of which
// has its high bit set.
func asciiText(size int) []byte {
	var text bytes.Buffer
	for line := 0; text.Len() < size; line++ {
		fmt.Fprintf(&text, "%08d The quick brown fox jumps over the lazy dog.\n", line%1000)
	}
	return text.Bytes()[:size]
}

func putBytes(t *testing.T, client node.Client, data []byte) messages.Link {
	t.Helper()
	link, err := client.PutFile(context.Background(), bytes.NewReader(data), node.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func storedBlocks(t *testing.T, client node.Client) [][]byte {
	t.Helper()
	ctx := context.Background()
	var blocks [][]byte
	err := client.Blocks(ctx, func(cid messages.CID) error {
		data, err := client.Block(ctx, cid)
		blocks = append(blocks, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

// allRefs returns the refs of a file: its root, its nodes and its chunks.
func allRefs(t *testing.T, client node.Client, link messages.Link) []messages.BlockRef {
	t.Helper()
	p := format.Production()
	var refs []messages.BlockRef
	var walk func(ref messages.BlockRef)
	walk = func(ref messages.BlockRef) {
		if ref.IsZero() {
			return
		}
		refs = append(refs, ref)
		if ref.Level == 0 {
			return
		}
		var tuple [3][]byte
		for i, cid := range ref.Tuple() {
			data, err := client.Block(context.Background(), cid)
			if err != nil {
				t.Fatal(err)
			}
			tuple[i] = data
		}
		payload, err := format.Open(p, messages.KindNode, ref, tuple[0], tuple[1], tuple[2],
			p.NewBuffer())
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := format.DecodeNode(p, ref.Level, payload)
		if err != nil {
			t.Fatal(err)
		}
		var children []messages.BlockRef
		switch n := decoded.(type) {
		case *format.FileRoot:
			children = n.Content.Children
		case *format.ContentNode:
			children = n.Children
		}
		for _, child := range children {
			walk(child)
		}
	}
	walk(link.Root)
	return refs
}

func TestStoredBlocksAreNoise(t *testing.T) {
	size := 64 << 20
	if testing.Short() {
		size = 8 << 20
	}
	client := newOpenRepo(t, config.ProfileBalanced)
	putBytes(t, client, asciiText(size))
	blocks := storedBlocks(t, client)
	if want := size / (128 << 10) * 2; len(blocks) < want {
		t.Fatalf("%d blocks stored, want %d or more", len(blocks), want)
	}
	t.Run("EachBlock", func(t *testing.T) {
		for _, block := range blocks {
			checkNoise(t, block)
		}
	})
	t.Run("XOROfAnyTwo", func(t *testing.T) { checkPairs(t, blocks) })
	t.Run("XOROfAnyThree", func(t *testing.T) { checkTriples(t, blocks) })
}

// noiseSigmas is how far a count may be from its mean, in standard
// deviations: a false alarm has a chance below 10^-12 each.
const noiseSigmas = 7.5

// checkNoise tests the bit planes and byte values of p.
func checkNoise(t *testing.T, p []byte) {
	t.Helper()
	var planes [8]float64
	var values [256]float64
	for _, b := range p {
		values[b]++
		for plane := range planes {
			planes[plane] += float64(b >> plane & 1)
		}
	}
	n := float64(len(p))
	for plane, ones := range planes {
		// Binomial(n, 1/2): variance n/4.
		if d := ones - n/2; d*d > noiseSigmas*noiseSigmas*n/4 {
			t.Fatalf("bit plane %d has %v ones of %v", plane, ones, n)
		}
	}
	var chi float64
	for _, seen := range values {
		d := seen - n/256
		chi += d * d / (n / 256)
	}
	// Chi-square with 255 degrees of freedom: mean 255, variance 510. Its
	// upper tail is heavier than a normal one, so the bound is wider.
	if d := chi - 255; d*d > 100*510 {
		t.Fatalf("chi-square of byte values is %v, want near 255", chi)
	}
}

// checkPairs XORs every pair of blocks on a prefix, and every block with its
// neighbours whole.
func checkPairs(t *testing.T, blocks [][]byte) {
	const prefix = 64
	for i := range blocks {
		for j := range i {
			ones := 0
			for k := 0; k < prefix; k += 8 {
				ones += bits.OnesCount64(word(blocks[i][k:]) ^ word(blocks[j][k:]))
			}
			// 512 fair bits: mean 256, deviation 11.3. Of 10^6 pairs none
			// should be 9 deviations away.
			if ones < 154 || ones > 358 {
				t.Fatalf("blocks %d and %d differ in %d of %d bits of their prefix", i, j, ones, prefix*8)
			}
		}
	}
	sum := make([]byte, len(blocks[0]))
	for i := 1; i < len(blocks); i++ {
		for k := range sum {
			sum[k] = blocks[i][k] ^ blocks[i-1][k]
		}
		checkNoise(t, sum)
	}
}

func word(p []byte) uint64 { return binary.LittleEndian.Uint64(p) }

// checkTriples looks for three blocks whose XOR is ASCII: D XOR A XOR B was
// the plaintext itself in earlier designs.
func checkTriples(t *testing.T, blocks [][]byte) {
	const high = 0x8080808080808080
	const prefix = 128 // 2^-128 by chance
	for i := range blocks {
		for j := range i {
			two := word(blocks[i]) ^ word(blocks[j])
			for k := range j {
				if (two^word(blocks[k]))&high != 0 {
					continue
				}
				ascii := true
				for at := 0; at < prefix && ascii; at += 8 {
					sum := word(blocks[i][at:]) ^ word(blocks[j][at:]) ^ word(blocks[k][at:])
					ascii = sum&high == 0
				}
				if ascii {
					t.Fatalf("the XOR of blocks %d, %d and %d is ASCII", i, j, k)
				}
			}
		}
	}
}

// history is every slot A and pair seen.
type history struct {
	slotA map[messages.CID]bool
	pairs map[[2]messages.CID]bool
	d     map[messages.CID]bool
}

func newHistory() *history {
	return &history{
		map[messages.CID]bool{}, map[[2]messages.CID]bool{}, map[messages.CID]bool{},
	}
}

func (h *history) add(t *testing.T, refs []messages.BlockRef) {
	t.Helper()
	for _, ref := range refs {
		pair := [2]messages.CID{ref.A, ref.B}
		if ref.B.Compare(ref.A) < 0 {
			pair = [2]messages.CID{ref.B, ref.A}
		}
		if h.slotA[ref.A] || h.pairs[pair] || h.d[ref.D] {
			t.Fatal("a slot A, a pair or a D is used twice")
		}
		h.slotA[ref.A], h.pairs[pair], h.d[ref.D] = true, true, true
	}
}

func TestNoPairIsUsedTwice(t *testing.T) {
	const writers, files, size = 16, 3, 3 << 20
	dir := t.TempDir()
	if err := repo.Create(dir, vault.WithNothing(), vault.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	seen := newHistory()
	text := asciiText(size)
	for range 2 { // the second time over what the first left behind
		client, err := reopen(dir)
		if err != nil {
			t.Fatal(err)
		}
		links := make([]messages.Link, writers*files)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for f := range files {
					link, err := client.PutFile(context.Background(), bytes.NewReader(text),
						node.PutOptions{})
					if err != nil {
						t.Error(err)
						return
					}
					links[w*files+f] = link
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			t.FailNow()
		}
		for _, link := range links {
			seen.add(t, allRefs(t, client, link))
		}
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if want := 2 * writers * files * size / (128 << 10); len(seen.d) < want {
		t.Fatalf("%d tuples seen, want %d or more", len(seen.d), want)
	}
}

func TestProfiles(t *testing.T) {
	text := asciiText(8 << 20)
	for _, profile := range []string{
		config.ProfileBalanced, config.ProfileThrifty, config.ProfileStrict,
	} {
		t.Run(profile, func(t *testing.T) {
			client := newOpenRepo(t, profile)
			first := allRefs(t, client, putBytes(t, client, text))
			before := map[messages.CID]bool{}
			for _, ref := range first {
				for _, cid := range ref.Tuple() {
					before[cid] = true
				}
			}
			reused := 0
			for _, ref := range allRefs(t, client, putBytes(t, client, text)) {
				if before[ref.D] {
					t.Fatal("the same file stored twice shares a D")
				}
				if before[ref.A] {
					reused++
				}
			}
			if strict := profile == config.ProfileStrict; strict != (reused == 0) {
				t.Errorf("%d of %d slots A were reused", reused, len(first))
			}
		})
	}
}
