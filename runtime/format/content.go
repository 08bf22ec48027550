package format

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/noisefs/noisefs/messages"
)

// Field numbers of a Content message, of the Pack message and of the Run
// messages in it. See docs/format.md.
const (
	contentSize   protowire.Number = 1
	contentInline protowire.Number = 2
	contentPack   protowire.Number = 3
	contentLevel  protowire.Number = 4
	contentRun    protowire.Number = 5

	packChunk  protowire.Number = 1
	packOffset protowire.Number = 2
	packLength protowire.Number = 3
	packKey    protowire.Number = 4
	packTag    protowire.Number = 5
	packPacked protowire.Number = 6

	runHoles protowire.Number = 1
	runRefs  protowire.Number = 2
)

// place says where a Content stands, which decides how large it may be.
type place struct {
	inlineMax   int // bytes
	childrenMax int
}

// inRoot is the place of a Content in a file root or by itself.
func inRoot(p Params) place { return place{p.InlineMax(), p.Fanout()} }

// inEntry is the place of a Content in a directory entry.
func inEntry(p Params) place { return place{p.EntryInlineMax(), p.EntryChildrenMax()} }

// checkContent holds a Content against the rules of its place. It is run
// before encoding and after decoding.
func checkContent(p Params, c *messages.Content, at place) error {
	used := 0
	for _, is := range []bool{len(c.Inline) > 0, c.Pack != nil, len(c.Children) > 0} {
		if is {
			used++
		}
	}
	switch {
	case c.Size > FileSizeMax:
		return fmt.Errorf("%w: a file above the limit of 1 EiB", ErrTooLarge)
	case c.Size == 0 && used == 0 && c.Level == 0:
		return nil
	case c.Size == 0 || used != 1:
		return fmt.Errorf("%w: content is in %d places", ErrMalformed, used)
	case len(c.Children) > 0:
		return checkChildren(p, c, at)
	case c.Level != 0:
		return fmt.Errorf("%w: a level without children", ErrMalformed)
	case c.Pack != nil:
		return checkPack(p, c.Pack, c.Size)
	case uint64(len(c.Inline)) != c.Size:
		return fmt.Errorf("%w: inline content of another size", ErrMalformed)
	case len(c.Inline) > at.inlineMax:
		return fmt.Errorf("%w: more than %d bytes inline", ErrTooLarge, at.inlineMax)
	}
	return nil
}

func checkChildren(p Params, c *messages.Content, at place) error {
	if c.Level > p.LevelMax() {
		return fmt.Errorf("%w: level %d, limit %d", ErrTooLarge, c.Level, p.LevelMax())
	}
	if n := p.childCount(c.Size, c.Level); n != uint64(len(c.Children)) {
		return fmt.Errorf("%w: more or fewer children than the size asks for", ErrMalformed)
	}
	if len(c.Children) > at.childrenMax {
		return fmt.Errorf("%w: more than %d children", ErrTooLarge, at.childrenMax)
	}
	for i, ref := range c.Children {
		if ref == (messages.BlockRef{}) {
			continue
		}
		if err := checkLevel(p, ref, c.Level); err != nil {
			return err
		}
		if c.Level > 0 {
			continue
		}
		if err := CheckChunk(p, c.Size, uint64(i), ref); err != nil {
			return err
		}
	}
	return nil
}

// CheckChunk reports ErrBadRef unless ref can be chunk i of a file of size
// bytes: level 0, and exactly as long as that chunk is.
func CheckChunk(p Params, size, i uint64, ref messages.BlockRef) error {
	if ref.Level != 0 || int64(ref.Length) != int64(p.ChunkLength(size, i)) {
		return fmt.Errorf("%w: no chunk, or one of another length than is due", ErrBadRef)
	}
	return nil
}

func checkPack(p Params, pack *messages.PackRef, size uint64) error {
	if size > uint64(p.PackMax()) {
		return fmt.Errorf("%w: more than %d bytes in a pack", ErrTooLarge, p.PackMax())
	}
	length := uint64(pack.Length)
	switch {
	case length == 0, pack.Packed && length >= size, !pack.Packed && length != size:
		return fmt.Errorf("%w: sealed bytes in a pack do not go with the size", ErrMalformed)
	case len(pack.Chunks) < 1 || len(pack.Chunks) > 2:
		return fmt.Errorf("%w: in %d pack chunks", ErrMalformed, len(pack.Chunks))
	case len(pack.Chunks) == 2 && pack.Chunks[0] == pack.Chunks[1]:
		return fmt.Errorf("%w: in one pack chunk twice", ErrMalformed)
	case pack.Key.IsZero():
		return fmt.Errorf("%w: no key in a pack ref", ErrBadRef)
	}
	before, all := uint64(0), uint64(0)
	for _, ref := range pack.Chunks {
		if err := checkLevel(p, ref, 0); err != nil {
			return err
		}
		before, all = all, all+uint64(ref.Length)
	}
	crossing := len(pack.Chunks) == 2
	first, end := uint64(pack.Offset), uint64(pack.Offset)+length
	if end > all || crossing && (before != uint64(p.BlockSize) || first >= before || end <= before) {
		return fmt.Errorf("%w: a place outside of its pack chunks", ErrMalformed)
	}
	return nil
}

// content appends the message of a Content to b.
func (e *encoder) content(b []byte, c *messages.Content) []byte {
	b = appendUint(b, contentSize, c.Size)
	b = appendBytes(b, contentInline, c.Inline)
	if c.Pack != nil {
		b = appendMessage(b, contentPack, e.pack(nil, c.Pack))
	}
	b = appendUint(b, contentLevel, uint64(c.Level))
	return appendRuns(b, contentRun, c.Children)
}

func (e *encoder) pack(b []byte, pack *messages.PackRef) []byte {
	numbers := make([]byte, 0, 8)
	for _, ref := range pack.Chunks {
		numbers = protowire.AppendVarint(numbers, uint64(e.chunk(ref)))
	}
	b = appendBytes(b, packChunk, numbers)
	b = appendUint(b, packOffset, uint64(pack.Offset))
	b = appendUint(b, packLength, uint64(pack.Length))
	b = appendBytes(b, packKey, pack.Key[:])
	b = appendBytes(b, packTag, pack.Tag[:])
	return appendUint(b, packPacked, protowire.EncodeBool(pack.Packed))
}

// appendRuns appends children as runs: so many holes, then refs one after
// the other. Holes at the end are left out: the size tells their number.
func appendRuns(b []byte, num protowire.Number, children []messages.BlockRef) []byte {
	hole := messages.BlockRef{}
	for len(children) > 0 {
		holes := 0
		for holes < len(children) && children[holes] == hole {
			holes++
		}
		if holes == len(children) {
			return b
		}
		children = children[holes:]
		refs := 0
		for refs < len(children) && children[refs] != hole {
			refs++
		}
		run := make([]byte, 0, refs*RefSize+16)
		run = appendUint(run, runHoles, uint64(holes))
		run = protowire.AppendTag(run, runRefs, protowire.BytesType)
		run = protowire.AppendVarint(run, uint64(refs*RefSize))
		for _, ref := range children[:refs] {
			run = AppendRef(run, ref)
		}
		b = appendMessage(b, num, run)
		children = children[refs:]
	}
	return b
}

// content reads the message of a Content.
func (d *decoder) content(buf []byte, at place) (c messages.Content, err error) {
	r := newWireReader(buf, contentRun)
	var children []messages.BlockRef
	for r.next() {
		switch r.num {
		case contentSize:
			c.Size = r.uint(FileSizeMax)
		case contentInline:
			c.Inline = append([]byte(nil), r.bytes(at.inlineMax)...)
		case contentPack:
			if c.Pack, err = d.pack(r.message()); err != nil {
				return c, err
			}
		case contentLevel:
			c.Level = uint8(r.uint(uint64(d.p.LevelMax())))
		case contentRun:
			children, err = d.run(children, r.message(), at.childrenMax)
			if err != nil {
				return c, err
			}
		default:
			r.unknown()
		}
	}
	if r.err != nil {
		return c, r.err
	}
	if c.Size > 0 && len(c.Inline) == 0 && c.Pack == nil {
		if c.Children, err = d.fillHoles(c.Size, c.Level, children, at); err != nil {
			return c, err
		}
	} else if len(children) > 0 {
		return c, fmt.Errorf("%w: content is in two places", ErrMalformed)
	}
	return c, checkContent(d.p, &c, at)
}

// fillHoles adds the holes at the end that the encoding leaves out.
func (d *decoder) fillHoles(
	size uint64, level uint8, children []messages.BlockRef, at place,
) ([]messages.BlockRef, error) {
	n := d.p.childCount(size, level)
	if n > uint64(at.childrenMax) {
		return nil, fmt.Errorf("%w: more than %d children", ErrTooLarge, at.childrenMax)
	}
	if uint64(len(children)) > n {
		return nil, fmt.Errorf("%w: more children than the size asks for", ErrMalformed)
	}
	return append(children, make([]messages.BlockRef, n-uint64(len(children)))...), nil
}

// run reads one run and appends its children; the result has at most
// childrenMax.
func (d *decoder) run(
	children []messages.BlockRef, buf []byte, childrenMax int,
) ([]messages.BlockRef, error) {
	r := newWireReader(buf, 0)
	holes, refs := 0, []byte(nil)
	for r.next() {
		switch r.num {
		case runHoles:
			holes = int(r.uint(uint64(childrenMax)))
		case runRefs:
			refs = r.bytes(childrenMax * RefSize)
		default:
			r.unknown()
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	// Only the first run may stand without holes before it, or two runs
	// could be one.
	if len(refs) == 0 || len(refs)%RefSize != 0 || holes == 0 && len(children) > 0 {
		return nil, fmt.Errorf("%w: a run that no encoder writes", ErrMalformed)
	}
	if len(children)+holes+len(refs)/RefSize > childrenMax {
		return nil, fmt.Errorf("%w: more than %d children", ErrTooLarge, childrenMax)
	}
	children = append(children, make([]messages.BlockRef, holes)...)
	for ; len(refs) > 0; refs = refs[RefSize:] {
		ref, err := DecodeRef(d.p, refs[:RefSize])
		if err != nil {
			return nil, err
		}
		children = append(children, ref)
	}
	return children, nil
}

func (d *decoder) pack(buf []byte) (*messages.PackRef, error) {
	r := newWireReader(buf, 0)
	pack := new(messages.PackRef)
	tagged := false
	for r.next() {
		switch r.num {
		case packChunk:
			var err error
			if pack.Chunks, err = d.chunks(r.bytes(packChunkBytesMax)); r.err == nil && err != nil {
				return nil, err
			}
		case packOffset:
			pack.Offset = uint32(r.uint(uint64(d.p.BlockSize)))
		case packLength:
			pack.Length = uint32(r.uint(uint64(d.p.PackMax())))
		case packKey:
			r.fixed(pack.Key[:])
		case packTag:
			r.fixed(pack.Tag[:])
			tagged = true
		case packPacked:
			pack.Packed = r.uint(1) == 1
		default:
			r.unknown()
		}
	}
	if r.err == nil && !tagged {
		r.fail("a pack ref without a tag")
	}
	return pack, r.err
}
