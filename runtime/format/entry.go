package format

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/noisefs/noisefs/messages"
)

// Field numbers of an Entry message.
const (
	entryName    protowire.Number = 1
	entryType    protowire.Number = 2
	entryMode    protowire.Number = 3
	entrySeconds protowire.Number = 4
	entryNanos   protowire.Number = 5
	entryTarget  protowire.Number = 6
	entryContent protowire.Number = 7
	entryEntry   protowire.Number = 8
	entryRef     protowire.Number = 9
)

// CheckName reports ErrBadName unless name may stand in a directory: 1..255
// bytes, not "." or "..", no "/" and no NUL. Any other bytes are allowed,
// as in Linux.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: empty", ErrBadName)
	case len(name) > NameMax:
		return fmt.Errorf("%w: longer than %d bytes", ErrBadName, NameMax)
	case name == "." || name == "..":
		return fmt.Errorf("%w: \".\" and \"..\" are taken", ErrBadName)
	case strings.ContainsAny(name, "/\x00"):
		return fmt.Errorf("%w: \"/\" or NUL in it", ErrBadName)
	}
	return nil
}

func checkAttributes(a messages.Attributes) error {
	if a.Mode > ModeMax {
		return fmt.Errorf("%w: mode bits beyond %#o", ErrMalformed, ModeMax)
	}
	if s := a.ModTime.Unix(); s > ModTimeSecondsMax || s < -ModTimeSecondsMax {
		return fmt.Errorf("%w: a modification time beyond its limit", ErrTooLarge)
	}
	return nil
}

// checkEntry holds an entry, without what an inline directory contains,
// against the rules.
func checkEntry(p Params, entry *messages.Entry) error {
	if err := CheckName(entry.Name); err != nil {
		return err
	}
	if err := checkAttributes(entry.Attributes); err != nil {
		return err
	}
	c := &entry.Content
	hasContent := c.Size != 0 || len(c.Inline) > 0 || c.Pack != nil || len(c.Children) > 0 ||
		c.Level != 0
	switch entry.Type {
	case messages.TypeFile, messages.TypeDirectory, messages.TypeSymlink:
	default:
		return fmt.Errorf("%w: entry of unknown type %d", ErrMalformed, uint8(entry.Type))
	}
	if (entry.Target != "") != (entry.Type == messages.TypeSymlink) ||
		hasContent && entry.Type != messages.TypeFile ||
		entry.Dir != nil && entry.Type != messages.TypeDirectory {
		return fmt.Errorf("%w: a %s with what another type has", ErrMalformed, entry.Type)
	}
	switch entry.Type {
	case messages.TypeFile:
		return checkContent(p, c, inEntry(p))
	case messages.TypeSymlink:
		return checkTarget(p, entry.Target)
	case messages.TypeDirectory:
		return checkDirectoryRef(p, entry.Dir)
	}
	return nil
}

func checkTarget(p Params, target string) error {
	if len(target) > p.TargetMax() {
		return fmt.Errorf("%w: a symlink target above the limit of %d bytes",
			ErrTooLarge, p.TargetMax())
	}
	if strings.ContainsRune(target, 0) {
		return fmt.Errorf("%w: NUL in a symlink target", ErrMalformed)
	}
	return nil
}

// checkDirectoryRef checks the ref of a directory (nil: an empty one).
func checkDirectoryRef(p Params, dir *messages.Directory) error {
	if dir == nil || dir.Ref == nil {
		return nil
	}
	if len(dir.Entries) > 0 {
		return fmt.Errorf("%w: a directory in two places", ErrMalformed)
	}
	if dir.Ref.Level < 1 || dir.Ref.Level > DirectoryLevelMax {
		return fmt.Errorf("%w: a directory of level %d", ErrBadRef, dir.Ref.Level)
	}
	return CheckRef(p, *dir.Ref)
}

// appendAttributes appends the mode and the time under num, num+1 and num+2.
// Seconds are zigzag-encoded, as in sint64.
func appendAttributes(b []byte, num protowire.Number, a messages.Attributes) []byte {
	b = appendUint(b, num, uint64(a.Mode))
	b = appendUint(b, num+1, protowire.EncodeZigZag(a.ModTime.Unix()))
	return appendUint(b, num+2, uint64(a.ModTime.Nanosecond()))
}

// attributesReader gathers the three fields that appendAttributes writes.
type attributesReader struct {
	mode           uint32
	seconds, nanos int64
}

func (a *attributesReader) read(r *wireReader, field protowire.Number) {
	switch field {
	case 0:
		a.mode = uint32(r.uint(ModeMax))
	case 1:
		a.seconds = protowire.DecodeZigZag(r.uint(protowire.EncodeZigZag(ModTimeSecondsMax)))
	case 2:
		a.nanos = int64(r.uint(uint64(time.Second - 1)))
	}
}

func (a *attributesReader) attributes() messages.Attributes {
	return messages.Attributes{Mode: a.mode, ModTime: time.Unix(a.seconds, a.nanos).UTC()}
}

// entry appends the message of an entry. depth counts the inline
// directories around it.
func (e *encoder) entry(p Params, b []byte, entry *messages.Entry, depth int) ([]byte, error) {
	if err := checkEntry(p, entry); err != nil {
		return nil, err
	}
	b = appendBytes(b, entryName, entry.Name)
	b = appendUint(b, entryType, uint64(entry.Type))
	b = appendAttributes(b, entryMode, entry.Attributes)
	b = appendBytes(b, entryTarget, entry.Target)
	b = appendBytes(b, entryContent, e.content(nil, &entry.Content))
	if entry.Dir == nil {
		return b, nil
	}
	return e.directory(p, b, entryEntry, entryRef, entry.Dir, depth)
}

// directory appends the entries or the ref of a directory.
func (e *encoder) directory(
	p Params, b []byte, entryNum, refNum protowire.Number, dir *messages.Directory, depth int,
) ([]byte, error) {
	if dir.Ref != nil {
		return appendBytes(b, refNum, AppendRef(nil, *dir.Ref)), nil
	}
	if len(dir.Entries) > 0 && depth >= InlineDepthMax {
		return nil, fmt.Errorf("%w: more than %d directories inside each other",
			ErrTooLarge, InlineDepthMax)
	}
	return e.entries(p, b, entryNum, dir.Entries, depth+1)
}

// entries appends entries, which must be in ascending order of their names.
func (e *encoder) entries(
	p Params, b []byte, num protowire.Number, entries []messages.Entry, depth int,
) ([]byte, error) {
	for i := range entries {
		if i > 0 && entries[i-1].Name >= entries[i].Name {
			return nil, fmt.Errorf("%w: names of a directory", ErrOrder)
		}
		message, err := e.entry(p, nil, &entries[i], depth)
		if err != nil {
			return nil, err
		}
		b = appendBytes(b, num, message)
	}
	return b, nil
}

// entry reads the message of an entry.
func (d *decoder) entry(buf []byte, depth int) (entry messages.Entry, err error) {
	if d.entriesLeft--; d.entriesLeft < 0 {
		return entry, fmt.Errorf("%w: more than %d entries in a node", ErrTooLarge, d.p.EntriesMax())
	}
	r := newWireReader(buf, entryEntry)
	var attributes attributesReader
	var dir messages.Directory
	for r.next() {
		switch r.num {
		case entryName:
			entry.Name = string(r.bytes(NameMax))
		case entryType:
			entry.Type = messages.FileType(r.uint(uint64(messages.TypeSymlink)))
		case entryMode, entrySeconds, entryNanos:
			attributes.read(r, r.num-entryMode)
		case entryTarget:
			entry.Target = string(r.bytes(d.p.TargetMax()))
		case entryContent:
			entry.Content, err = d.content(r.bytes(d.p.NodeMax()), inEntry(d.p))
		case entryEntry:
			err = d.appendEntry(&dir.Entries, r.message(), depth+1)
		case entryRef:
			dir.Ref, err = d.ref(r)
		default:
			r.unknown()
		}
		if r.err == nil && err != nil {
			return entry, err
		}
	}
	if r.err != nil {
		return entry, r.err
	}
	entry.Attributes = attributes.attributes()
	if entry.Type == messages.TypeDirectory || dir.Ref != nil || len(dir.Entries) > 0 {
		entry.Dir = &dir
	}
	return entry, checkEntry(d.p, &entry)
}

// appendEntry reads an entry and appends it; its name must be greater than
// the last one's.
func (d *decoder) appendEntry(entries *[]messages.Entry, buf []byte, depth int) error {
	if depth > InlineDepthMax {
		return fmt.Errorf("%w: more than %d directories inside each other",
			ErrTooLarge, InlineDepthMax)
	}
	entry, err := d.entry(buf, depth)
	if err != nil {
		return err
	}
	if n := len(*entries); n > 0 && (*entries)[n-1].Name >= entry.Name {
		return fmt.Errorf("%w: names of a directory", ErrOrder)
	}
	*entries = append(*entries, entry)
	return nil
}

// ref reads a ref field.
func (d *decoder) ref(r *wireReader) (*messages.BlockRef, error) {
	buf := r.bytes(RefSize)
	if r.err != nil {
		return nil, r.err
	}
	ref, err := DecodeRef(d.p, buf)
	return &ref, err
}
