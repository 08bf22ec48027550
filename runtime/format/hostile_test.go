package format

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

// A hostile writer has no encoder of ours: these build any message.

func fields(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func number(num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), v)
}

func text[T string | []byte](num protowire.Number, v T) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), []byte(v))
}

func many(n int, part []byte) []byte { return bytes.Repeat(part, n) }

func wireRef(seed uint64, level uint8, length int) []byte {
	return AppendRef(nil, testRef(seed, level, length))
}

// fileEntry is an entry of an empty file, with more fields behind.
func fileEntry(name string, more ...[]byte) []byte {
	return fields(text(entryName, name), number(entryType, 1), fields(more...))
}

func leafOf(entries ...[]byte) []byte {
	var leaf []byte
	for _, entry := range entries {
		leaf = append(leaf, text(leafEntry, entry)...)
	}
	return text(nodeLeaf, leaf)
}

func nested(depth int) []byte {
	entry := fields(text(entryName, "d"), number(entryType, 2))
	for range depth {
		entry = fields(text(entryName, "d"), number(entryType, 2), text(entryEntry, entry))
	}
	return entry
}

// wirePack is a pack ref of 10 bytes in chunk 0.
func wirePack(numbers string, offset uint64) []byte {
	return fields(text(packChunk, numbers), number(packOffset, offset), number(packLength, 10),
		text(packKey, sixteens(32)), text(packTag, sixteens(16)))
}

func sixteens(n int) []byte { return bytes.Repeat([]byte{16}, n) }

func packedEntry(name string, pack []byte) []byte {
	return fileEntry(name, text(entryContent, fields(number(contentSize, 10), text(contentPack,
		pack))))
}

// rootOf is a file root with a Content.
func rootOf(content ...[]byte) []byte {
	return text(nodeFileRoot, text(rootContent, fields(content...)))
}

func run(holes uint64, refs ...[]byte) []byte {
	if holes == 0 {
		return text(runRefs, fields(refs...))
	}
	return fields(number(runHoles, holes), text(runRefs, fields(refs...)))
}

func inner(first string, ref []byte) []byte {
	return text(innerChild, fields(text(childFirst, first), text(childRef, ref)))
}

// hostile is a document that must not decode.
type hostile struct {
	name  string
	level uint8
	doc   []byte
	want  error
}

func TestDecodeRefusesHostileNodes(t *testing.T) {
	for _, tt := range hostileNodes() {
		t.Run(tt.name, func(t *testing.T) {
			node, err := decodeDocument(small, tt.level, tt.doc)
			if !errors.Is(err, tt.want) || node != nil {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func hostileNodes() []hostile {
	return slices.Concat(hostileDocuments(), hostileRoots(), hostileContents(),
		hostileContentNodes(), hostileEntries(), hostileInnerNodes(), hostilePacks())
}

// hostileDocuments are no document of one node.
func hostileDocuments() []hostile {
	return []hostile{
		{"Empty", 1, nil, ErrMalformed},
		{"UnknownNode", 1, text(7, "x"), ErrMalformed},
		{"UnknownFieldBehind", 1, fields(leafOf(fileEntry("a")), text(15, "x")), ErrMalformed},
		{"TwoNodes", 1, fields(text(nodeFileRoot, ""), leafOf(fileEntry("a"))), ErrMalformed},
		{"NodeTwice", 1, fields(text(nodeFileRoot, ""), text(nodeFileRoot, "")), ErrMalformed},
		{"NodeAsNumber", 1, number(nodeFileRoot, 1), ErrMalformed},
		{"Group", 1, protowire.AppendTag(nil, nodeFileRoot, protowire.StartGroupType), ErrMalformed},
		{"FieldZero", 1, []byte{0x02, 0x00}, ErrMalformed},
		{"CutOff", 1, []byte{0x12, 0x7f, 0x00}, ErrMalformed},
		{"EndlessVarint", 1, many(20, []byte{0xff}), ErrMalformed},
		{"PaddedTag", 1, []byte{0x92, 0x00, 0x00}, ErrMalformed},
		{"PaddedLength", 1, []byte{0x12, 0x80, 0x00}, ErrMalformed},
	}
}

// hostileRoots are bad file roots.
func hostileRoots() []hostile {
	return []hostile{
		{"RootUnknownField", 1, text(nodeFileRoot, number(9, 1)), ErrMalformed},
		{
			"RootFieldsSwapped", 1, text(nodeFileRoot, fields(number(rootMode, 1), text(rootName, "a"))),
			ErrMalformed,
		},
		{
			"RootModeTwice", 1, text(nodeFileRoot, fields(number(rootMode, 1), number(rootMode, 1))),
			ErrMalformed,
		},
		{"RootModeZero", 1, text(nodeFileRoot, number(rootMode, 0)), ErrMalformed},
		{"RootModeBits", 1, text(nodeFileRoot, number(rootMode, ModeMax+1)), ErrTooLarge},
		{"RootNanos", 1, text(nodeFileRoot, number(rootNanos, 1e9)), ErrTooLarge},
		{"RootSeconds", 1, text(nodeFileRoot, number(rootSeconds, 1<<63)), ErrTooLarge},
		{"RootName", 1, text(nodeFileRoot, text(rootName, "../etc")), ErrBadName},
		{"RootNameLong", 1, text(nodeFileRoot, text(rootName, sixteens(256))), ErrTooLarge},
	}
}

// hostileContents are file roots with a bad Content.
func hostileContents() []hostile {
	full := wireRef(1, 0, 1024)
	equal := bytes.Clone(full)
	copy(equal[32:64], equal[64:96])
	return []hostile{
		{"ContentEmptyWritten", 1, text(nodeFileRoot, text(rootContent, "")), ErrMalformed},
		{"ContentNoSize", 1, rootOf(text(contentInline, "abc")), ErrMalformed},
		{
			"ContentInlineShort", 1, rootOf(number(contentSize, 4), text(contentInline, "abc")),
			ErrMalformed,
		},
		{
			"ContentInlineLong", 1, rootOf(number(contentSize, 513), text(contentInline, sixteens(513))),
			ErrTooLarge,
		},
		{"ContentHuge", 1, rootOf(number(contentSize, FileSizeMax+1)), ErrTooLarge},
		{"ContentHugeHole", 1, rootOf(number(contentSize, FileSizeMax)), ErrTooLarge},
		{"ContentLevel", 1, rootOf(number(contentSize, 1), number(contentLevel, 200)), ErrTooLarge},
		{"ContentInlineAndLevel", 1, rootOf(number(contentSize, 3), text(contentInline, "abc"),
			number(contentLevel, 1)), ErrMalformed},
		{"ContentInlineAndRun", 1, rootOf(number(contentSize, 3), text(contentInline, "abc"),
			text(contentRun, run(0, full))), ErrMalformed},
		{"ContentManyChildren", 1, rootOf(number(contentSize, 1024), text(contentRun, run(0, full,
			full))), ErrMalformed},
		{"ContentBeyondFanout", 1, rootOf(number(contentSize, 5*1024),
			text(contentRun, run(0, full, full, full, full, full))), ErrTooLarge},
		{"ContentChunkShort", 1, rootOf(number(contentSize, 2048),
			text(contentRun, run(0, wireRef(1, 0, 1023), full))), ErrBadRef},
		{
			"ContentTailLong", 1, rootOf(number(contentSize, 2047), text(contentRun, run(0, full, full))),
			ErrBadRef,
		},
		{"ContentOtherLevel", 2, rootOf(number(contentSize, 1024), text(contentRun,
			run(0, wireRef(1, 1, 1024)))), ErrBadRef},
		{
			"ContentEqualMembers", 1, rootOf(number(contentSize, 1024), text(contentRun, run(0, equal))),
			ErrBadRef,
		},
		{
			"ContentTornRef", 1, rootOf(number(contentSize, 1024), text(contentRun, run(0, full[1:]))),
			ErrMalformed,
		},
		{"ContentRunsToJoin", 1, rootOf(number(contentSize, 2048), text(contentRun, run(0, full)),
			text(contentRun, run(0, full))), ErrMalformed},
		{"ContentHolesAtEnd", 1, rootOf(number(contentSize, 2048), text(contentRun, run(0, full)),
			text(contentRun, number(runHoles, 1))), ErrMalformed},
		{
			"ContentManyHoles", 1, rootOf(number(contentSize, 1024), text(contentRun, run(1<<62, full))),
			ErrTooLarge,
		},
	}
}

// hostileContentNodes are bad content nodes.
func hostileContentNodes() []hostile {
	full := wireRef(1, 0, 1024)
	return []hostile{
		{"NodeOfOtherLevel", 2, text(nodeContent, text(contentKid, run(0, full))), ErrBadRef},
		{"NodeEmpty", 1, text(nodeContent, ""), ErrMalformed},
		{"NodeMixedLevels", 1, text(nodeContent, text(contentKid,
			run(0, wireRef(2, 1, 9), full))), ErrBadRef},
		{
			"NodeBeyondLevels", 27, text(nodeContent, text(contentKid, run(0, wireRef(1, 26, 9)))),
			ErrTooLarge,
		},
	}
}

// hostileEntries are leaves with a bad entry.
func hostileEntries() []hostile {
	full := wireRef(1, 0, 1024)
	return []hostile{
		{"LeafEmpty", 1, text(nodeLeaf, ""), ErrMalformed},
		{"LeafEmptyEntry", 1, leafOf(nil), ErrBadName},
		{"LeafUnsorted", 1, leafOf(fileEntry("b"), fileEntry("a")), ErrOrder},
		{"LeafDuplicate", 1, leafOf(fileEntry("a"), fileEntry("a")), ErrOrder},
		{
			"LeafUnknownField", 1, text(nodeLeaf, fields(text(leafEntry, fileEntry("a")), text(2, "x"))),
			ErrMalformed,
		},
		{"LeafManyEntries", 1, text(nodeLeaf, many(129, text(leafEntry, fileEntry("a")))), ErrOrder},
		{"NameEmpty", 1, leafOf(text(entryName, "")), ErrMalformed},
		{"NameMissing", 1, leafOf(number(entryType, 1)), ErrBadName},
		{"NameDot", 1, leafOf(fileEntry(".")), ErrBadName},
		{"NameDotDot", 1, leafOf(fileEntry("..")), ErrBadName},
		{"NameSlash", 1, leafOf(fileEntry("a/b")), ErrBadName},
		{"NameNUL", 1, leafOf(fileEntry("a\x00b")), ErrBadName},
		{"NameLong", 1, leafOf(fileEntry(strings.Repeat("a", 256))), ErrTooLarge},
		{"TypeMissing", 1, leafOf(text(entryName, "a")), ErrMalformed},
		{"TypeUnknown", 1, leafOf(fields(text(entryName, "a"), number(entryType, 4))), ErrTooLarge},
		{"EntryUnknownField", 1, leafOf(fileEntry("a", number(15, 1))), ErrMalformed},
		{"FileWithTarget", 1, leafOf(fileEntry("a", text(entryTarget, "t"))), ErrMalformed},
		{"FileWithEntries", 1, leafOf(fileEntry("a", text(entryEntry, fileEntry("b")))), ErrMalformed},
		{"FileWithRef", 1, leafOf(fileEntry("a", text(entryRef, wireRef(1, 1, 1)))), ErrMalformed},
		{"FileInlineLong", 1, leafOf(fileEntry("a", text(entryContent, fields(number(contentSize, 65),
			text(contentInline, sixteens(65)))))), ErrTooLarge},
		{"FileManyChildren", 1, leafOf(fileEntry("a", text(entryContent, fields(number(contentSize,
			3*1024),
			text(contentRun, run(0, full, full, full)))))), ErrTooLarge},
		{
			"LinkWithoutTarget", 1, leafOf(fields(text(entryName, "a"), number(entryType, 3))),
			ErrMalformed,
		},
		{"LinkTargetLong", 1, leafOf(fields(text(entryName, "a"), number(entryType, 3),
			text(entryTarget, sixteens(513)))), ErrTooLarge},
		{"LinkTargetNUL", 1, leafOf(fields(text(entryName, "a"), number(entryType, 3),
			text(entryTarget, "a\x00"))), ErrMalformed},
		{"DirectoryInTwoPlaces", 1, leafOf(fields(text(entryName, "a"), number(entryType, 2),
			text(entryEntry, fileEntry("b")), text(entryRef, wireRef(1, 1, 1)))), ErrMalformed},
		{"DirectoryOfChunk", 1, leafOf(fields(text(entryName, "a"), number(entryType, 2),
			text(entryRef, full))), ErrBadRef},
		{"DirectoryOfHighLevel", 1, leafOf(fields(text(entryName, "a"), number(entryType, 2),
			text(entryRef, wireRef(1, DirectoryLevelMax+1, 1)))), ErrBadRef},
		{"DirectoryTornRef", 1, leafOf(fields(text(entryName, "a"), number(entryType, 2),
			text(entryRef, sixteens(100)))), ErrBadRef},
		{"DirectoryUnsorted", 1, leafOf(fields(text(entryName, "a"), number(entryType, 2),
			text(entryEntry, fileEntry("b")), text(entryEntry, fileEntry("a")))), ErrOrder},
		{"DirectoryNested", 1, leafOf(nested(InlineDepthMax + 1)), ErrTooLarge},
		{"DirectoryNestedVeryDeep", 1, leafOf(nested(500)), ErrTooLarge},
	}
}

// hostileInnerNodes are bad inner nodes.
func hostileInnerNodes() []hostile {
	full := wireRef(1, 0, 1024)
	return []hostile{
		{"InnerEmpty", 2, text(nodeInner, ""), ErrMalformed},
		{"InnerOfChunks", 1, text(nodeInner, inner("a", full)), ErrBadRef},
		{"InnerOtherLevel", 3, text(nodeInner, inner("a", wireRef(1, 1, 1))), ErrBadRef},
		{"InnerMixedLevels", 2, text(nodeInner, fields(inner("a", wireRef(1, 1, 1)),
			inner("b", wireRef(2, 2, 1)))), ErrBadRef},
		{"InnerUnsorted", 2, text(nodeInner, fields(inner("b", wireRef(1, 1, 1)),
			inner("a", wireRef(2, 1, 1)))), ErrOrder},
		{"InnerDuplicate", 2, text(nodeInner, fields(inner("a", wireRef(1, 1, 1)),
			inner("a", wireRef(2, 1, 1)))), ErrOrder},
		{
			"InnerNoName", 2, text(nodeInner, text(innerChild, text(childRef, wireRef(1, 1, 1)))),
			ErrBadName,
		},
		{"InnerBadName", 2, text(nodeInner, inner("..", wireRef(1, 1, 1))), ErrBadName},
		{"InnerNoRef", 1, text(nodeInner, text(innerChild, text(childFirst, "a"))), ErrBadRef},
		{"InnerTooHigh", 25, text(nodeInner, inner("a", wireRef(1, 24, 1))), ErrBadRef},
	}
}

// hostilePacks have a bad table of pack chunks or a bad pack ref.
func hostilePacks() []hostile {
	full, second := wireRef(1, 0, 1024), wireRef(2, 0, 1024)
	equal := bytes.Clone(full)
	copy(equal[32:64], equal[64:96])
	return []hostile{
		{"TableUnused", 1, fields(text(documentChunks, full), leafOf(fileEntry("a"))), ErrMalformed},
		{"TableTorn", 1, fields(text(documentChunks, full[1:]), leafOf(fileEntry("a"))), ErrMalformed},
		{"TableBadRef", 1, fields(text(documentChunks, equal), leafOf(fileEntry("a"))), ErrBadRef},
		{"TableBehind", 1, fields(leafOf(fileEntry("a")), text(documentChunks, full)), ErrMalformed},
		{
			"TableDuplicate", 1, fields(text(documentChunks, fields(full, full)),
				leafOf(packedEntry("a", wirePack("\x00", 1)), packedEntry("b", wirePack("\x01", 1)))),
			ErrMalformed,
		},
		{"PackNoTable", 1, leafOf(packedEntry("a", wirePack("\x00", 1))), ErrMalformed},
		{
			"PackOutOfTurn", 1, fields(text(documentChunks, fields(full, second)),
				leafOf(packedEntry("a", wirePack("\x01", 1)), packedEntry("b", wirePack("\x00", 1)))),
			ErrMalformed,
		},
		{"PackThreeChunks", 1, fields(text(documentChunks, fields(full, second, wireRef(3, 0, 1024))),
			leafOf(packedEntry("a", wirePack("\x00\x01\x02", 1020)))), ErrMalformed},
		{"PackPastChunk", 1, fields(text(documentChunks, full),
			leafOf(packedEntry("a", wirePack("\x00", 1015)))), ErrMalformed},
		{"PackNotCrossing", 1, fields(text(documentChunks, fields(full, second)),
			leafOf(packedEntry("a", wirePack("\x00\x01", 1000)))), ErrMalformed},
		{"PackSecondShort", 1, fields(text(documentChunks, fields(full, wireRef(2, 0, 4))),
			leafOf(packedEntry("a", wirePack("\x00\x01", 1019)))), ErrMalformed},
		{"PackFirstShort", 1, fields(text(documentChunks, fields(wireRef(1, 0, 1020), wireRef(2, 0,
			1024))),
			leafOf(packedEntry("a", wirePack("\x00\x01", 1015)))), ErrMalformed},
		{"PackOfNode", 1, fields(text(documentChunks, wireRef(1, 1, 1024)),
			leafOf(packedEntry("a", wirePack("\x00", 1)))), ErrBadRef},
		{
			"PackNoKey", 1, fields(text(documentChunks, full), leafOf(packedEntry("a",
				fields(text(packChunk, "\x00"), number(packLength, 10), text(packTag, sixteens(16)))))),
			ErrBadRef,
		},
		{
			"PackShortKey", 1, fields(text(documentChunks, full), leafOf(packedEntry("a",
				fields(text(packChunk, "\x00"), number(packLength, 10), text(packKey, sixteens(31)))))),
			ErrMalformed,
		},
		{
			"PackNoTag", 1, fields(text(documentChunks, full), leafOf(packedEntry("a",
				fields(text(packChunk, "\x00"), number(packLength, 10), text(packKey, sixteens(32)))))),
			ErrMalformed,
		},
		{"PackPackedLong", 1, fields(text(documentChunks, full), leafOf(packedEntry("a",
			fields(wirePack("\x00", 1), number(packPacked, 1))))), ErrMalformed},
		{"PackPackedTwo", 1, fields(text(documentChunks, full), leafOf(packedEntry("a",
			fields(wirePack("\x00", 1), number(packPacked, 2))))), ErrTooLarge},
		{"PackAndInline", 1, fields(text(documentChunks, full), leafOf(fileEntry("a", text(entryContent,
			fields(number(contentSize, 1), text(contentInline, "x"),
				text(contentPack, wirePack("\x00", 1))))))), ErrMalformed},
	}
}

// TestDecodeBoundsEntries: many small entries may not become much memory.
func TestDecodeBoundsEntries(t *testing.T) {
	doc := func(n int) []byte {
		var leaf []byte
		for i := range n {
			name := string([]byte{1 + byte(i/16)<<1, 1 + byte(i%16)<<1})
			leaf = append(leaf, text(leafEntry, fileEntry(name))...)
		}
		return text(nodeLeaf, leaf)
	}
	if _, err := decodeDocument(small, 1, doc(small.EntriesMax())); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := decodeDocument(small, 1, doc(small.EntriesMax()+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("above the limit: got %v, want %v", err, ErrTooLarge)
	}
}

func TestDecodeRefusesLargePayloads(t *testing.T) {
	if _, err := DecodeNode(small, 1, make([]byte, 1025)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("payload: got %v, want %v", err, ErrTooLarge)
	}
	bomb := deflate(nil, make([]byte, small.NodeMax()+1))
	if _, err := DecodeNode(small, 1, bomb); !errors.Is(err, ErrTooLarge) {
		t.Errorf("bomb: got %v, want %v", err, ErrTooLarge)
	}
	if _, err := DecodeContent(small, make([]byte, small.NodeMax()+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("content: got %v, want %v", err, ErrTooLarge)
	}
	if _, err := DecodeEntry(small, nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("no entry: got %v, want %v", err, ErrMalformed)
	}
}

// TestEncodersCheckWhatDecodersCheck: what does not decode is not written.
func TestEncodersCheckWhatDecodersCheck(t *testing.T) {
	ref := testRef(1, 1, 100)
	deep := messages.Entry{Name: "d", Type: messages.TypeDirectory}
	for range InlineDepthMax + 1 {
		deep = messages.Entry{
			Name: "d", Type: messages.TypeDirectory,
			Dir: &messages.Directory{Entries: []messages.Entry{deep}},
		}
	}
	tests := []struct {
		name string
		node Node
		want error
	}{
		{"EmptyLeaf", &DirectoryLeaf{}, ErrMalformed},
		{"EmptyInner", &DirectoryInner{}, ErrMalformed},
		{"EmptyContent", &ContentNode{}, ErrMalformed},
		{"HoleAtEnd", &ContentNode{Children: make([]messages.BlockRef, 2)}, ErrMalformed},
		{"Deep", &DirectoryLeaf{Entries: []messages.Entry{deep}}, ErrTooLarge},
		{
			"DeepRoot", &DirectoryRoot{Directory: messages.Directory{Entries: []messages.Entry{deep}}},
			ErrTooLarge,
		},
		{"RootInTwoPlaces", &DirectoryRoot{Directory: messages.Directory{
			Entries: []messages.Entry{{Name: "a", Type: messages.TypeFile}}, Ref: &ref,
		}}, ErrMalformed},
		{
			"RootOfChunk", &DirectoryRoot{Directory: messages.Directory{Ref: &messages.BlockRef{}}},
			ErrBadRef,
		},
		{"Mode", &FileRoot{Attributes: messages.Attributes{Mode: 0o100644}}, ErrMalformed},
		{"Size", &FileRoot{Content: messages.Content{Size: 1}}, ErrMalformed},
		{"Unsorted", &DirectoryLeaf{Entries: []messages.Entry{
			{Name: "b", Type: messages.TypeFile}, {Name: "a", Type: messages.TypeFile},
		}}, ErrOrder},
		{"Large", &DirectoryRoot{Directory: messages.Directory{Entries: []messages.Entry{
			{Name: "a", Type: messages.TypeSymlink, Target: string(randomText(1))},
			{Name: "b", Type: messages.TypeSymlink, Target: string(randomText(2))},
			{Name: "c", Type: messages.TypeSymlink, Target: string(randomText(3))},
		}}}, ErrTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := EncodeNode(small, tt.node); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func randomText(seed uint64) []byte {
	return bytes.ReplaceAll(testBytes(seed, small.TargetMax()), []byte{0}, []byte{1})
}

// TestDocumentsAreCanonical damages documents; what still decodes must
// encode to the same bytes, so that no two documents mean one thing.
func TestDocumentsAreCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Production()
		node := drawNode(t, p)
		doc, err := encodeDocument(p, node)
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 3).Draw(t, "times") {
			at := rapid.IntRange(0, len(doc)-1).Draw(t, "at")
			switch rapid.IntRange(0, 3).Draw(t, "how") {
			case 0:
				doc[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			case 1:
				doc = append(doc[:at:at], doc[at+1:]...)
			case 2:
				doc = append(doc[:at:at], append([]byte{rapid.Byte().Draw(t, "byte")}, doc[at:]...)...)
			case 3:
				to := rapid.IntRange(at, len(doc)).Draw(t, "to")
				doc = append(doc[:to:to], doc[at:]...)
			}
			if len(doc) == 0 {
				return
			}
		}
		checkCanonical(t, p, node.Level(), doc)
	})
}

// checkCanonical decodes a document of the level and, if that succeeds,
// wants the same bytes from encoding it.
func checkCanonical(t tester, p Params, level uint8, doc []byte) {
	t.Helper()
	node, err := decodeDocument(p, level, doc)
	if err != nil {
		return
	}
	again, err := encodeDocument(p, node)
	if err != nil {
		t.Fatalf("what decoded does not encode: %v", err)
	}
	if !bytes.Equal(again, doc) {
		t.Fatalf("two documents for one node")
	}
}
