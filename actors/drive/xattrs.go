package drive

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// xattrEntry is the field of the row of extended attributes: a name, a NUL and the
// value, once for each, in order of names.
const xattrEntry protowire.Number = 1

func encodeXattrs(xattrs []messages.Xattr) []byte {
	var b []byte
	for _, x := range xattrs {
		b = appendBytes(b, xattrEntry, append([]byte(x.Name+"\x00"), x.Value...))
	}
	return b
}

// decodeXattrs reads what encodeXattrs wrote. The values are parts of b.
func decodeXattrs(b []byte) ([]messages.Xattr, error) {
	var xattrs []messages.Xattr
	r := rowReader{buf: b, repeated: xattrEntry}
	for r.next() {
		if r.num != xattrEntry {
			r.fail("an unknown field")
			break
		}
		name, value, found := bytes.Cut(r.bytes(messages.XattrsMax), []byte{0})
		if !found || len(name) == 0 || len(name) > format.NameMax ||
			len(xattrs) > 0 && xattrs[len(xattrs)-1].Name >= string(name) {
			r.fail("an extended attribute")
			break
		}
		xattrs = append(xattrs, messages.Xattr{Name: string(name), Value: slices.Clip(value)})
	}
	return xattrs, r.err
}

// xattrsOf returns the extended attributes of an entry.
func (v *view) xattrsOf(at located) ([]messages.Xattr, error) {
	if at.xattrs == 0 {
		return nil, nil
	}
	value, err := v.row(xattrsRow(at.ino))
	if err != nil {
		return nil, err
	}
	if uint64(len(value)) != at.xattrs {
		return nil, fmt.Errorf("%w: %d bytes of extended attributes, %d are due",
			errRow, len(value), at.xattrs)
	}
	return decodeXattrs(value)
}

func (v *view) readXattrs(m messages.ReadXattrs) ([]messages.Xattr, error) {
	var at located
	var err error
	if m.Row != 0 {
		at, err = v.nameless(m.Row)
	} else {
		at, _, err = v.target(messages.Target{Path: m.Path})
		err = orNotFound(err, at.shown() == m.Inode)
	}
	if err != nil {
		return nil, err
	}
	return v.xattrsOf(at)
}

func (v *view) setXattr(m messages.SetXattr) error {
	at, err := v.heldOr(m.Row, m.Path, m.Inode)
	if err != nil {
		return err
	}
	had, err := v.xattrsOf(at)
	if err != nil {
		return err
	}
	if n := len(m.Xattr.Name); n == 0 || n > format.NameMax || strings.Contains(m.Xattr.Name, "\x00") {
		return messages.Errorf(messages.CodeInvalid, "a name of %d bytes", len(m.Xattr.Name))
	}
	n, found := slices.BinarySearchFunc(had, m.Xattr.Name, func(x messages.Xattr, name string) int {
		return strings.Compare(x.Name, name)
	})
	xattrs := slices.Clone(had)
	switch {
	case found && m.Create:
		return errExists()
	case !found && (m.Replace || m.Remove):
		return messages.Errorf(messages.CodeNotFound, "no such attribute")
	case m.Remove:
		xattrs = slices.Delete(xattrs, n, n+1)
	case found:
		xattrs[n] = m.Xattr
	default:
		xattrs = slices.Insert(xattrs, n, m.Xattr)
	}
	return v.putXattrs(at, encodeXattrs(xattrs))
}

func (v *view) putXattrs(at located, row []byte) error {
	if len(row) > messages.XattrsMax {
		return messages.Errorf(messages.CodeNoSpace,
			"more than %d bytes of extended attributes", messages.XattrsMax)
	}
	var err error
	switch {
	case len(row) > 0:
		err = v.put(xattrsRow(at.ino), row)
	case at.xattrs > 0:
		err = v.delete(xattrsRow(at.ino))
	}
	if err != nil {
		return err
	}
	at.xattrs, at.ChangeTime = uint64(len(row)), v.now
	return v.putInode(at.ino, at.inode)
}
