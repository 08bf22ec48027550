package drive

import (
	"encoding/binary"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
)

// rootInode is the number of the drive's root directory.
const rootInode = 1

// Groups and keys of the drive's rows.
const (
	settingsGroup = "drive"
	orphansGroup  = "drive/orphans" // key: inode number; no value
	leaseKey      = "inodes"        // the first inode number that is not leased
)

// Bounds of what a row may hold, in bytes or names. Decoders refuse more.
const (
	rowNameMax  = format.NameMax
	rowBelowMax = format.InlineDepthMax // names between a node and a directory inside it
	rowPathMax  = pathBytesMax + 1
)

// Field numbers of the inode row.
const (
	inodeType     protowire.Number = 1
	inodeMode     protowire.Number = 2
	inodeSeconds  protowire.Number = 3 // zigzag
	inodeNanos    protowire.Number = 4
	inodeTarget   protowire.Number = 5
	inodeContent  protowire.Number = 6
	inodeRoot     protowire.Number = 7
	inodeSize     protowire.Number = 8 // of a file with a root
	inodeBase     protowire.Number = 9
	inodeBelow    protowire.Number = 10
	inodeOverlaid protowire.Number = 11
	inodeNumber   protowire.Number = 12
	inodeInline   protowire.Number = 13 // bytes in the inline row
	inodePosix    protowire.Number = 14
)

// Field numbers of the dentry row: exactly one is there.
const (
	dentryInode    protowire.Number = 1
	dentryWhiteout protowire.Number = 2
)

// Field numbers of the row of a kept link.
const (
	keptPath  protowire.Number = 1
	keptName  protowire.Number = 2
	keptAlone protowire.Number = 3
)

// rowID names a row; comparable, unlike port.RowKey.
type rowID struct {
	table      port.Table
	group, key string
}

func (id rowID) port() port.RowKey {
	return port.RowKey{Table: id.table, Group: []byte(id.group), Key: []byte(id.key)}
}

func numberKey(ino uint64) string {
	return string(binary.BigEndian.AppendUint64(nil, ino))
}

func inodeRow(ino uint64) rowID { return rowID{port.TableInodes, "", numberKey(ino)} }

// inlineRow has the bytes of a small file that was changed. They are a row of
// their own, so that whoever lists a directory does not read them.
func inlineRow(ino uint64) rowID { return rowID{port.TableInline, "", numberKey(ino)} }

// xattrsRow has the extended attributes of an inode.
func xattrsRow(ino uint64) rowID { return rowID{port.TableXattrs, "", numberKey(ino)} }

func dentryRow(parent uint64, name string) rowID {
	return rowID{port.TableDentries, numberKey(parent), name}
}

func orphanRow(ino uint64) rowID {
	return rowID{port.TableSettings, orphansGroup, numberKey(ino)}
}

func leaseRow() rowID { return rowID{port.TableSettings, settingsGroup, leaseKey} }

// keptRow is the row of a link that is kept. Its key is the whole link, so
// that a link with the same blocks and another key is another row.
func keptRow(link messages.Link) (rowID, error) {
	key, err := format.EncodeLink(link)
	if err != nil {
		return rowID{}, fmt.Errorf("%w: %w", errRow, err)
	}
	return rowID{port.TableRoots, "", string(key)}, nil
}

// decodeNumber reads the key of an inode or orphan row.
func decodeNumber(key []byte) (uint64, error) {
	if len(key) != 8 {
		return 0, fmt.Errorf("%w: an inode number of %d bytes", errRow, len(key))
	}
	return binary.BigEndian.Uint64(key), nil
}

// inode is a file, directory or symlink, without its name.
type inode struct {
	kind messages.FileType
	messages.Attributes
	messages.Posix
	target string // of a symlink

	// A file is a root of its own with its size, or content that stands
	// here, as an entry of a snapshot that was moved has it.
	root    *messages.BlockRef
	size    uint64
	content messages.Content
	inline  uint64 // bytes in a row of their own; or there

	// A directory is an immutable base, and what was changed since: the
	// dentries of its number. overlaid tells that there are some.
	base     snapshot
	overlaid bool

	xattrs uint64 // bytes of extended attributes, in a row of their own

	// number is what it is known by outside when that is not its row's: it was
	// inside a snapshot before it got a row (numbers.go).
	number uint64
}

// snapshot is a directory inside what was stored once: the node ref, and
// from there the names of inline directories. The zero value is an empty
// directory.
type snapshot struct {
	ref   *messages.BlockRef
	below []string
}

func (s snapshot) isEmpty() bool { return s.ref == nil }

// bytes is the size of a file.
func (i *inode) bytes() uint64 {
	switch {
	case i.root != nil:
		return i.size
	case i.inline > 0:
		return i.inline
	}
	return i.content.Size
}

// encodeInode returns an inode's row. It fails only on what no decision
// makes.
func encodeInode(p format.Params, i inode) ([]byte, error) {
	b := appendUint(nil, inodeType, uint64(i.kind))
	b = appendUint(b, inodeMode, uint64(i.Mode))
	b = appendUint(b, inodeSeconds, protowire.EncodeZigZag(i.ModTime.Unix()))
	b = appendUint(b, inodeNanos, uint64(i.ModTime.Nanosecond()))
	b = appendBytes(b, inodeTarget, i.target)
	if i.content.Size > 0 {
		content, err := format.EncodeContent(p, i.content)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errRow, err)
		}
		b = appendBytes(b, inodeContent, content)
	}
	if i.root != nil {
		b = appendBytes(b, inodeRoot, format.AppendRef(nil, *i.root))
	}
	b = appendUint(b, inodeSize, i.size)
	if i.base.ref != nil {
		b = appendBytes(b, inodeBase, format.AppendRef(nil, *i.base.ref))
	}
	for _, name := range i.base.below {
		b = appendBytes(b, inodeBelow, name)
	}
	b = appendUint(b, inodeOverlaid, protowire.EncodeBool(i.overlaid))
	b = appendUint(b, inodeNumber, i.number)
	b = appendUint(b, inodeInline, i.inline)
	b = appendBytes(b, inodePosix, appendPosix(nil, &i))
	return b, checkInode(p, &i)
}

// decodeInode reads an inode's row. Whatever is wrong wraps errRow.
func decodeInode(p format.Params, b []byte) (inode, error) {
	var i inode
	var seconds, nanos int64
	r := rowReader{buf: b, repeated: inodeBelow}
	for r.next() {
		switch r.num {
		case inodeType:
			i.kind = messages.FileType(r.uint(uint64(messages.TypeSymlink)))
		case inodeMode:
			i.Mode = uint32(r.uint(format.ModeMax))
		case inodeSeconds:
			seconds = protowire.DecodeZigZag(
				r.uint(protowire.EncodeZigZag(format.ModTimeSecondsMax)))
		case inodeNanos:
			nanos = int64(r.uint(uint64(time.Second - 1)))
		case inodeTarget:
			i.target = string(r.bytes(p.TargetMax()))
		case inodeContent:
			i.content = r.content(p)
		case inodeRoot:
			i.root = r.ref(p)
		case inodeSize:
			i.size = r.uint(format.FileSizeMax)
		case inodeBase:
			i.base.ref = r.ref(p)
		case inodeBelow:
			i.base.below = append(i.base.below, string(r.bytes(rowNameMax)))
			if len(i.base.below) > rowBelowMax {
				r.fail("too many names")
			}
		case inodeOverlaid:
			i.overlaid = r.uint(1) == 1
		case inodeNumber:
			i.number = r.uint(1<<64 - 1)
		case inodeInline:
			i.inline = r.uint(uint64(p.PackMax()))
		case inodePosix:
			r.posix(&i)
		default:
			r.fail("an unknown field")
		}
	}
	i.ModTime = time.Unix(seconds, nanos).UTC()
	if r.err != nil {
		return inode{}, r.err
	}
	if err := checkInode(p, &i); err != nil {
		return inode{}, err
	}
	return i, nil
}

// checkInode is run before an inode row is written and after it is read.
func checkInode(p format.Params, i *inode) error {
	file := i.root != nil || i.size > 0 || i.content.Size > 0 || i.inline > 0
	directory := i.base.ref != nil || len(i.base.below) > 0 || i.overlaid
	bad := ""
	switch {
	case i.kind < messages.TypeFile || i.kind > messages.TypeSymlink:
		bad = "no type"
	case (i.target != "") != (i.kind == messages.TypeSymlink), len(i.target) > p.TargetMax():
		bad = "a symlink's target"
	case file && i.kind != messages.TypeFile, directory && i.kind != messages.TypeDirectory:
		bad = "what another type has"
	case i.root != nil && i.content.Size > 0, i.root == nil && i.size > 0,
		i.inline > 0 && (i.root != nil || i.content.Size > 0), i.inline > uint64(p.PackMax()):
		bad = "content in two places"
	case i.root != nil && i.root.Level == 0, i.base.ref != nil && i.base.ref.Level == 0:
		bad = "a root that is no node"
	case i.base.ref == nil && len(i.base.below) > 0, len(i.base.below) > rowBelowMax:
		bad = "a base"
	case i.Special != 0 && (i.kind != messages.TypeFile || file),
		i.Links > 1 && i.kind == messages.TypeDirectory:
		bad = "what no such type has"
	case i.Mode > format.ModeMax:
		bad = "a mode"
	case i.number != 0 && i.number < snapshotNumbers:
		bad = "a number that a row may have"
	}
	if bad != "" {
		return fmt.Errorf("%w: %s", errRow, bad)
	}
	for _, name := range i.base.below {
		if err := format.CheckName(name); err != nil {
			return fmt.Errorf("%w: %w", errRow, err)
		}
	}
	return nil
}

// encodeDentry returns the row of a name: inode number, or 0 for a whiteout,
// which hides the name of the base.
func encodeDentry(ino uint64) []byte {
	if ino == 0 {
		return appendUint(nil, dentryWhiteout, 1)
	}
	return appendUint(nil, dentryInode, ino)
}

// decodeDentry reads what encodeDentry wrote.
func decodeDentry(b []byte) (ino uint64, err error) {
	fields := 0
	r := rowReader{buf: b}
	for r.next() {
		fields++
		switch r.num {
		case dentryInode:
			ino = r.uint(1<<64 - 1)
		case dentryWhiteout:
			r.uint(1)
		default:
			r.fail("an unknown field")
		}
	}
	if fields != 1 {
		r.fail("not one field")
	}
	if r.err != nil {
		return 0, r.err
	}
	return ino, nil
}

// kept is what is kept with a link.
type kept struct {
	path  string // that was shared; empty if none
	name  string // the root's own
	alone bool   // stored without a path
}

func encodeKept(k kept) []byte {
	b := appendBytes(nil, keptPath, k.path)
	b = appendBytes(b, keptName, k.name)
	return appendUint(b, keptAlone, protowire.EncodeBool(k.alone))
}

func decodeKept(b []byte) (kept, error) {
	var k kept
	r := rowReader{buf: b}
	for r.next() {
		switch r.num {
		case keptPath:
			k.path = string(r.bytes(rowPathMax))
		case keptName:
			k.name = string(r.bytes(rowNameMax))
		case keptAlone:
			k.alone = r.uint(1) == 1
		default:
			r.fail("an unknown field")
		}
	}
	if r.err == nil && k.path == "" && !k.alone {
		r.fail("a link that nothing keeps")
	}
	if r.err != nil {
		return kept{}, r.err
	}
	return k, nil
}

func encodeLease(next uint64) []byte { return appendUint(nil, 1, next) }

func decodeLease(b []byte) (next uint64, err error) {
	r := rowReader{buf: b}
	for r.next() {
		if r.num != 1 {
			r.fail("an unknown field")
			break
		}
		next = r.uint(1<<64 - 1)
	}
	if next <= rootInode {
		r.fail("a lease of nothing")
	}
	if r.err != nil {
		return 0, r.err
	}
	return next, nil
}
