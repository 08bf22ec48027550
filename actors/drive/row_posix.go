package drive

import (
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// Field numbers of what a mount keeps, inside the inode row.
const (
	posixUID     protowire.Number = 1 // one more than it is, as the next
	posixGID     protowire.Number = 2
	posixChanged protowire.Number = 3 // seconds, zigzag, then nanoseconds
	posixRead    protowire.Number = 5
	posixLinks   protowire.Number = 7
	posixSpecial protowire.Number = 8
	posixDevice  protowire.Number = 9
	posixXattrs  protowire.Number = 10 // bytes in a row of their own
)

func appendPosix(b []byte, i *inode) []byte {
	x := i.Posix
	if x.Owner != nil {
		b = appendUint(b, posixUID, uint64(x.Owner.UID)+1)
		b = appendUint(b, posixGID, uint64(x.Owner.GID)+1)
	}
	b = appendTime(b, posixChanged, x.ChangeTime)
	b = appendTime(b, posixRead, x.AccessTime)
	b = appendUint(b, posixLinks, uint64(x.Links))
	b = appendUint(b, posixSpecial, uint64(x.Special))
	b = appendUint(b, posixDevice, uint64(x.Device))
	return appendUint(b, posixXattrs, i.xattrs)
}

// appendTime appends a time that is not zero, as two fields.
func appendTime(b []byte, num protowire.Number, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	b = appendUint(b, num, protowire.EncodeZigZag(t.Unix()))
	return appendUint(b, num+1, uint64(t.Nanosecond())+1)
}

// posix reads a message of its own within a row.
func (r *rowReader) posix(i *inode) {
	x := &i.Posix
	var uid, gid uint64
	var seconds, nanos [2]int64
	in := rowReader{buf: r.bytes(1 << 10)}
	for r.err == nil && in.next() {
		switch in.num {
		case posixUID:
			uid = in.uint(math.MaxUint32 + 1)
		case posixGID:
			gid = in.uint(math.MaxUint32 + 1)
		case posixChanged, posixRead:
			seconds[(in.num-posixChanged)/2] = protowire.DecodeZigZag(
				in.uint(protowire.EncodeZigZag(format.ModTimeSecondsMax)))
		case posixChanged + 1, posixRead + 1:
			nanos[(in.num-posixChanged)/2] = int64(in.uint(uint64(time.Second)))
		case posixLinks:
			x.Links = uint32(in.uint(linksMax))
		case posixSpecial:
			x.Special = uint32(in.uint(math.MaxUint32))
		case posixDevice:
			x.Device = uint32(in.uint(math.MaxUint32))
		case posixXattrs:
			i.xattrs = in.uint(messages.XattrsMax)
		default:
			in.fail("an unknown field")
		}
	}
	switch {
	case (uid == 0) != (gid == 0), nanos[0] == 0 && seconds[0] != 0, nanos[1] == 0 && seconds[1] != 0:
		in.fail("a half of two")
	}
	if r.err == nil {
		r.err = in.err
	}
	if uid > 0 && gid > 0 {
		x.Owner = &messages.Owner{UID: uint32(uid - 1), GID: uint32(gid - 1)}
	}
	for n, t := range []*time.Time{&x.ChangeTime, &x.AccessTime} {
		if nanos[n] > 0 {
			*t = time.Unix(seconds[n], nanos[n]-1).UTC()
		}
	}
}
