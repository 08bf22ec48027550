package format

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// The test vectors of docs/format.md. They are made by this package
// (go test ./runtime/format -run Vectors -update) and checked in
// vectors_check_test.go by code that shares nothing with it. A change of the
// file is a change of the format.

const vectorsFile = "testdata/vectors.json"

var update = flag.Bool("update", false, "write "+vectorsFile+" anew")

// hexBytes is a byte string that JSON shows in hex.
type hexBytes []byte

func (b hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

type vectors struct {
	Version          int               `json:"version"`
	Blocks           []blockVector     `json:"blocks"`
	Refs             []refVector       `json:"refs"`
	Links            []linkVector      `json:"links"`
	InvalidLinks     []namedVector     `json:"invalidLinks"`
	Packed           []packedVector    `json:"packed"`
	Nodes            []nodeVector      `json:"nodes"`
	InvalidDocuments []documentVector  `json:"invalidDocuments"`
	WholeFile        []wholeFileVector `json:"wholeFile"`
}

// blockVector seals the stream "plaintext <name>" and mixes it with the
// streams "a <name>" and "b <name>".
type blockVector struct {
	Name      string   `json:"name"`
	BlockSize int      `json:"blockSize"`
	Kind      int      `json:"kind"`
	Level     int      `json:"level"`
	Length    int      `json:"length"`
	Key       hexBytes `json:"key"`
	Tag       hexBytes `json:"tag"`
	SumW      hexBytes `json:"sha256W"`
	D         hexBytes `json:"d"`
	A         hexBytes `json:"a"`
	B         hexBytes `json:"b"`
}

type refVector struct {
	D      hexBytes `json:"d"`
	A      hexBytes `json:"a"`
	B      hexBytes `json:"b"`
	Key    hexBytes `json:"key"`
	Tag    hexBytes `json:"tag"`
	Level  int      `json:"level"`
	Length int      `json:"length"`
	Bytes  hexBytes `json:"bytes"`
}

type linkVector struct {
	Kind   int      `json:"kind"`
	Ref    hexBytes `json:"ref"`
	Binary hexBytes `json:"binary"`
	Text   string   `json:"text"`
}

type namedVector struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

type packedVector struct {
	Plaintext hexBytes `json:"plaintext"`
	Key       hexBytes `json:"key"`
	Packed    bool     `json:"packed"`
	Sealed    hexBytes `json:"sealed"`
	Tag       hexBytes `json:"tag"`
}

// nodeVector is a node: its document, what that says in words, and a payload
// that inflates to it.
type nodeVector struct {
	BlockSize int      `json:"blockSize"`
	Level     int      `json:"level"`
	Text      string   `json:"text"`
	Document  hexBytes `json:"document"`
	Payload   hexBytes `json:"payload"`
}

type documentVector struct {
	Name      string   `json:"name"`
	BlockSize int      `json:"blockSize"`
	Level     int      `json:"level"`
	Document  hexBytes `json:"document"`
}

// wholeFileVector is a link and the stored blocks that it takes to read it.
type wholeFileVector struct {
	BlockSize int        `json:"blockSize"`
	Link      string     `json:"link"`
	Blocks    []hexBytes `json:"blocks"` // in no order: their names are their SHA-256
	FileName  string     `json:"fileName"`
	Content   string     `json:"content"`
}

func makeVectors(t *testing.T) *vectors {
	t.Helper()
	v := &vectors{Version: Version}
	for _, b := range []blockVector{
		{Name: "smallest chunk", BlockSize: 1024, Kind: 1, Length: 1},
		{Name: "full chunk", BlockSize: 1024, Kind: 1, Length: 1024},
		{Name: "node", BlockSize: 1024, Kind: 2, Level: 3, Length: 700},
		{Name: "production", BlockSize: 131072, Kind: 1, Length: 100_000},
	} {
		v.Blocks = append(v.Blocks, makeBlockVector(t, b))
	}
	for _, ref := range []messages.BlockRef{testRef(1, 0, 131072), testRef(2, 3, 513)} {
		v.Refs = append(v.Refs, refVector{
			D: ref.D[:], A: ref.A[:], B: ref.B[:], Key: ref.Key[:], Tag: ref.Tag[:],
			Level: int(ref.Level), Length: int(ref.Length), Bytes: AppendRef(nil, ref),
		})
	}
	for _, link := range []messages.Link{
		{Kind: messages.LinkFile, Root: testRef(1, 1, 300)}, testLink(2),
	} {
		binary, err := EncodeLink(link)
		if err != nil {
			t.Fatal(err)
		}
		v.Links = append(v.Links, linkVector{
			Kind: int(link.Kind), Ref: AppendRef(nil, link.Root),
			Binary: binary, Text: mustFormatLink(t, link),
		})
	}
	good := v.Links[0].Text
	v.InvalidLinks = []namedVector{
		{"last character is missing", good[:len(good)-1]},
		{"a character that base58 has not", good[:20] + "0" + good[21:]},
		{"two characters swapped", good[:30] + good[31:32] + good[30:31] + good[32:]},
		{"upper-case prefix", "NOISEFS:" + good[8:]},
		{"a leading 1 too many", "noisefs:1" + good[8:]},
	}
	for i, plaintext := range [][]byte{
		[]byte("x"), bytes.Repeat([]byte("noise "), 50), stream("packed", 300),
	} {
		key := testSecret(uint64(i + 1))
		packed, err := SealPacked(small, key, plaintext)
		if err != nil {
			t.Fatal(err)
		}
		v.Packed = append(v.Packed, packedVector{
			plaintext, key[:], packed.Packed, packed.Sealed, packed.Tag[:],
		})
	}
	v.Nodes, v.InvalidDocuments = makeNodeVectors(t)
	v.WholeFile = []wholeFileVector{makeWholeFileVector(t)}
	return v
}

func makeBlockVector(t *testing.T, v blockVector) blockVector {
	t.Helper()
	p, key := Params{BlockSize: v.BlockSize}, testSecret(uint64(v.BlockSize+v.Length))
	w, tag, err := Seal(p, messages.BlockKind(v.Kind), uint8(v.Level), v.Length, key,
		stream("plaintext "+v.Name, v.BlockSize))
	if err != nil {
		t.Fatal(err)
	}
	a, b := stream("a "+v.Name, v.BlockSize), stream("b "+v.Name, v.BlockSize)
	d := make([]byte, v.BlockSize)
	if err := Mix(d, w, a, b); err != nil {
		t.Fatal(err)
	}
	names := [4]messages.CID{Name(w), Name(d), Name(a), Name(b)}
	v.Key, v.Tag = key[:], tag[:]
	v.SumW, v.D, v.A, v.B = names[0][:], names[1][:], names[2][:], names[3][:]
	return v
}

func makeNodeVectors(t *testing.T) (nodes []nodeVector, invalid []documentVector) {
	t.Helper()
	for _, node := range seedNodes() {
		document, err := encodeDocument(small, node)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := EncodeNode(small, node)
		if err != nil {
			t.Fatal(err)
		}
		said, err := wireText(nodeMessage, document)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, nodeVector{
			small.BlockSize, int(node.Level()), said, document, payload,
		})
	}
	for _, h := range hostileNodes() {
		if len(h.doc) <= small.NodeMax() {
			invalid = append(invalid, documentVector{h.name, small.BlockSize, int(h.level), h.doc})
		}
	}
	return nodes, invalid
}

func makeWholeFileVector(t *testing.T) wholeFileVector {
	t.Helper()
	store := newBlockStore(t, small)
	content := "The quick brown fox jumps over the lazy dog.\n"
	for len(content) < 2500 { // three chunks, the last one short
		content += content
	}
	content = content[:2500]
	b := NewContentBuilder(small, small.EntryChildrenMax())
	var pending []PendingNode
	for i := range uint64(3) {
		from := i * 1024
		chunk := content[from : from+uint64(small.ChunkLength(2500, i))]
		more, err := b.Chunk(i, store.put(messages.KindChunk, 0, []byte(chunk)))
		if err != nil {
			t.Fatal(err)
		}
		pending = append(pending, more...)
	}
	more, err := b.Finish(uint64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	store.seal(b, append(pending, more...), first)
	where, ok := b.Result()
	if !ok {
		t.Fatal("no result")
	}
	modTime := time.Unix(1_700_000_000, 5).UTC()
	root := &FileRoot{
		Name: "fox.txt", Content: where,
		Attributes: messages.Attributes{Mode: 0o644, ModTime: modTime},
	}
	payload, err := EncodeNode(small, root)
	if err != nil {
		t.Fatal(err)
	}
	link := messages.Link{
		Kind: messages.LinkFile, Root: store.put(messages.KindNode, root.Level(), payload),
	}
	v := wholeFileVector{
		BlockSize: small.BlockSize, Link: mustFormatLink(t, link),
		FileName: root.Name, Content: content,
	}
	for _, block := range store.blocks {
		v.Blocks = append(v.Blocks, block)
	}
	slices.SortFunc(v.Blocks, func(a, b hexBytes) int { return bytes.Compare(a, b) })
	return v
}

func TestVectorsAreWhatThePackageMakes(t *testing.T) {
	made, err := json.MarshalIndent(makeVectors(t), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	made = append(made, '\n')
	if *update {
		if err := os.WriteFile(vectorsFile, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, made) {
		t.Error("the format is not what the vectors say; if that is meant, run with -update")
	}
}

// TestVectorsDecode goes the other way, through the decoders.
func TestVectorsDecode(t *testing.T) {
	v := readVectors(t)
	for _, node := range v.Nodes {
		p := Params{BlockSize: node.BlockSize}
		got, err := DecodeNode(p, uint8(node.Level), node.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if document, err := encodeDocument(p, got); err != nil || !bytes.Equal(document, node.Document) {
			t.Errorf("another document: %v", err)
		}
	}
	for _, d := range v.InvalidDocuments {
		p := Params{BlockSize: d.BlockSize}
		if _, err := decodeDocument(p, uint8(d.Level), d.Document); err == nil {
			t.Errorf("%s: no error", d.Name)
		}
	}
	for _, link := range v.Links {
		if got, err := ParseLink(link.Text); err != nil || int(got.Kind) != link.Kind ||
			!bytes.Equal(AppendRef(nil, got.Root), link.Ref) {
			t.Errorf("another link: %v", err)
		}
	}
	for _, link := range v.InvalidLinks {
		if _, err := ParseLink(link.Text); err == nil {
			t.Errorf("%s: no error", link.Name)
		}
	}
}

func readVectors(t *testing.T) *vectors {
	t.Helper()
	b, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	v := new(vectors)
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
	return v
}
