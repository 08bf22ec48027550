package format

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// This file is a second implementation: it reads the vectors with the
// standard library (and a zstd decoder) after docs/format.md, and calls
// nothing of the package that it checks.

// stream is the pseudorandom content of the vectors: SHA-256 of the label
// and a counter of 4 bytes, big-endian, one digest after the other.
func stream(label string, n int) []byte {
	var out []byte
	for i := uint32(0); len(out) < n; i++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte(label), i))
		out = append(out, sum[:]...)
	}
	return out[:n]
}

func aesGCM(t *testing.T, key []byte) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return gcm
}

func xor(a, b, c []byte) []byte {
	out := make([]byte, len(a))
	for i := range out {
		out[i] = a[i] ^ b[i] ^ c[i]
	}
	return out
}

func sha(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

func TestVectorsOfBlocks(t *testing.T) {
	for _, v := range readVectors(t).Blocks {
		additional := binary.BigEndian.AppendUint32(
			[]byte{0, byte(v.Kind), byte(v.Level)}, uint32(v.Length))
		sealed := aesGCM(t, v.Key).Seal(nil, make([]byte, 12),
			stream("plaintext "+v.Name, v.BlockSize), additional)
		w, tag := sealed[:v.BlockSize], sealed[v.BlockSize:]
		a, b := stream("a "+v.Name, v.BlockSize), stream("b "+v.Name, v.BlockSize)
		for what, pair := range map[string][2][]byte{
			"tag": {tag, v.Tag}, "W": {sha(w), v.SumW}, "D": {sha(xor(w, a, b)), v.D},
			"A": {sha(a), v.A}, "B": {sha(b), v.B},
		} {
			if !bytes.Equal(pair[0], pair[1]) {
				t.Errorf("%s: another %s", v.Name, what)
			}
		}
	}
}

func TestVectorsOfRefs(t *testing.T) {
	for i, v := range readVectors(t).Refs {
		want := bytes.Join([][]byte{v.D, v.A, v.B, v.Key, v.Tag, {byte(v.Level)}}, nil)
		want = binary.BigEndian.AppendUint32(want, uint32(v.Length))
		if !bytes.Equal(v.Bytes, want) || len(want) != 149 {
			t.Errorf("ref %d: other bytes", i)
		}
	}
}

const base58Digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

func base58Text(b []byte) string {
	n, mod := new(big.Int).SetBytes(b), new(big.Int)
	var text []byte
	for n.Sign() > 0 {
		n.DivMod(n, big.NewInt(58), mod)
		text = append([]byte{base58Digits[mod.Int64()]}, text...)
	}
	for i := 0; i < len(b) && b[i] == 0; i++ {
		text = append([]byte{'1'}, text...)
	}
	return string(text)
}

func TestVectorsOfLinks(t *testing.T) {
	for i, v := range readVectors(t).Links {
		body := append([]byte{0, byte(v.Kind)}, v.Ref...)
		if !bytes.Equal(body, v.Binary) {
			t.Errorf("link %d: another binary form", i)
		}
		if text := "noisefs:" + base58Text(append(body, sha(sha(body))[:4]...)); text != v.Text {
			t.Errorf("link %d: another text", i)
		}
	}
}

func unzstd(t *testing.T, frame []byte) []byte {
	t.Helper()
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	content, err := decoder.DecodeAll(frame, nil)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestVectorsOfPackedFiles(t *testing.T) {
	compressed := 0
	for i, v := range readVectors(t).Packed {
		additional := []byte{0, 3, 0}
		if v.Packed {
			additional[2] = 1
			compressed++
		}
		additional = binary.BigEndian.AppendUint32(additional, uint32(len(v.Plaintext)))
		got, err := aesGCM(t, v.Key).Open(nil, make([]byte, 12),
			append(bytes.Clone(v.Sealed), v.Tag...), additional)
		if err != nil {
			t.Fatalf("packed file %d: %v", i, err)
		}
		if v.Packed {
			got = unzstd(t, got)
		}
		if !bytes.Equal(got, v.Plaintext) {
			t.Errorf("packed file %d: other bytes", i)
		}
	}
	if compressed == 0 {
		t.Error("no vector is compressed")
	}
}

// wireMessage describes a message of docs/format.md: its fields' names, and
// what those hold that are messages themselves.
type wireMessage struct {
	fields map[uint64]string
	inner  map[uint64]*wireMessage
}

var (
	runMessage = &wireMessage{fields: map[uint64]string{1: "holes", 2: "refs"}}

	packMessage = &wireMessage{fields: map[uint64]string{
		1: "chunks", 2: "offset", 3: "length", 4: "key", 5: "tag", 6: "packed",
	}}

	contentMessage = &wireMessage{
		map[uint64]string{1: "size", 2: "inline", 3: "pack", 4: "level", 5: "run"},
		map[uint64]*wireMessage{3: packMessage, 5: runMessage},
	}

	entryMessage = newEntryMessage()

	childMessage = &wireMessage{fields: map[uint64]string{1: "first", 2: "ref"}}

	nodeMessage = &wireMessage{
		map[uint64]string{
			1: "chunks", 2: "fileRoot", 3: "directoryRoot", 4: "leaf", 5: "inner", 6: "content",
		},
		map[uint64]*wireMessage{
			2: {
				map[uint64]string{1: "name", 2: "mode", 3: "seconds", 4: "nanos", 5: "content"},
				map[uint64]*wireMessage{5: contentMessage},
			},
			3: {
				map[uint64]string{1: "name", 2: "mode", 3: "seconds", 4: "nanos", 5: "entry", 6: "ref"},
				map[uint64]*wireMessage{5: entryMessage},
			},
			4: {map[uint64]string{1: "entry"}, map[uint64]*wireMessage{1: entryMessage}},
			5: {map[uint64]string{1: "child"}, map[uint64]*wireMessage{1: childMessage}},
			6: {map[uint64]string{1: "run"}, map[uint64]*wireMessage{1: runMessage}},
		},
	}
)

func newEntryMessage() *wireMessage {
	m := &wireMessage{fields: map[uint64]string{
		1: "name", 2: "type", 3: "mode", 4: "seconds", 5: "nanos", 6: "target", 7: "content",
		8: "entry", 9: "ref",
	}}
	m.inner = map[uint64]*wireMessage{7: contentMessage, 8: m}
	return m
}

// wireText says what a message holds, like protoc --decode, with bytes in
// hex.
func wireText(m *wireMessage, b []byte) (string, error) {
	var parts []string
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 || m.fields[tag>>3] == "" {
			return "", errors.New("a bad tag")
		}
		b = b[n:]
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return "", errors.New("a bad number")
		}
		b = b[n:]
		name := m.fields[tag>>3]
		if tag&7 == 0 {
			parts = append(parts, fmt.Sprintf("%s=%d", name, v))
			continue
		}
		if tag&7 != 2 || v > uint64(len(b)) {
			return "", errors.New("a bad field")
		}
		value := fmt.Sprintf("%s=%x", name, b[:v])
		if inner := m.inner[tag>>3]; inner != nil {
			text, err := wireText(inner, b[:v])
			if err != nil {
				return "", err
			}
			value = name + "{" + text + "}"
		}
		parts, b = append(parts, value), b[v:]
	}
	return strings.Join(parts, " "), nil
}

func TestVectorsOfNodes(t *testing.T) {
	for i, v := range readVectors(t).Nodes {
		said, err := wireText(nodeMessage, v.Document)
		if err != nil || said != v.Text {
			t.Errorf("node %d says something else: %v", i, err)
		}
		if !bytes.Equal(unzstd(t, v.Payload), v.Document) {
			t.Errorf("node %d: the payload inflates to something else", i)
		}
	}
}

// TestVectorsOfWholeFiles reads a file from its link and the stored blocks.
func TestVectorsOfWholeFiles(t *testing.T) {
	for _, v := range readVectors(t).WholeFile {
		blocks := make(map[string][]byte)
		for _, block := range v.Blocks {
			blocks[string(sha(block))] = block
		}
		open := func(kind byte, ref []byte) []byte {
			d, a, b := blocks[string(ref[:32])], blocks[string(ref[32:64])], blocks[string(ref[64:96])]
			if d == nil || a == nil || b == nil {
				t.Fatal("a block is missing")
			}
			plaintext, err := aesGCM(t, ref[96:128]).Open(nil, make([]byte, 12),
				append(xor(d, a, b), ref[128:144]...), append([]byte{0, kind}, ref[144:]...))
			if err != nil {
				t.Fatal(err)
			}
			return plaintext[:binary.BigEndian.Uint32(ref[145:])]
		}
		n := new(big.Int)
		for _, digit := range strings.TrimPrefix(v.Link, "noisefs:") {
			n.Mul(n, big.NewInt(58))
			n.Add(n, big.NewInt(int64(strings.IndexRune(base58Digits, digit))))
		}
		link := n.FillBytes(make([]byte, 2+149+4))
		said, err := wireText(nodeMessage, unzstd(t, open(2, link[2:151])))
		want := fmt.Sprintf("fileRoot{name=%x mode=420 seconds=3400000000 nanos=5 "+
			"content{size=%d level=1 run{refs=", v.FileName, len(v.Content))
		rest, ok := strings.CutPrefix(said, want)
		if err != nil || !ok {
			t.Fatalf("the root says something else: %v", err)
		}
		child := make([]byte, 149)
		if _, err := fmt.Sscanf(strings.TrimSuffix(rest, "}}}"), "%x", &child); err != nil {
			t.Fatal(err)
		}
		said, err = wireText(nodeMessage, unzstd(t, open(2, child)))
		if err != nil {
			t.Fatal(err)
		}
		var refs []byte
		hexRefs := strings.TrimSuffix(strings.TrimPrefix(said, "content{run{refs="), "}}")
		if _, err := fmt.Sscanf(hexRefs, "%x", &refs); err != nil {
			t.Fatal(err)
		}
		var content []byte
		for ; len(refs) > 0; refs = refs[149:] {
			content = append(content, open(1, refs[:149])...)
		}
		if string(content) != v.Content {
			t.Error("another content")
		}
	}
}
