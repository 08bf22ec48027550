package messages

import "time"

// Posix is what only a mount keeps of an entry. It stays in the index of its
// drive: links and shares do not have it.
type Posix struct {
	Owner *Owner // nil: whoever looks at it
	// ChangeTime is when anything of the entry changed, AccessTime when it was
	// read; zero: as ModTime.
	ChangeTime, AccessTime time.Time
	Links                  uint32 // names, of all but directories; 0 means 1
	// Special is the type of a file that is a pipe, a socket or a device, as in
	// st_mode (S_IFIFO and others), and Device the st_rdev of the last; 0: none.
	Special, Device uint32
}

// Owner is a user and a group by number.
type Owner struct{ UID, GID uint32 }

// MakeEntry makes an empty file, a directory or a symlink with attributes of its
// own; its time is now. The directory that it goes to must be there; one that is
// set-group-ID passes on its group, and to directories that bit. Reply:
// [NamespaceChanged].
type MakeEntry struct {
	Call
	Path            string
	Type            FileType
	Mode            uint32
	Target          string // of a symlink
	Owner           *Owner
	Special, Device uint32 // of a file
}

// SetAttributes changes attributes of the entry of that number at Path; nil
// leaves one as it is. Reply: [NamespaceChanged]; Failed with CodeNotFound when
// the path leads to something else by now. Of a file without a name that is kept
// ([Remove]) Row is set instead.
type SetAttributes struct {
	Call
	Path                string
	Inode, Row          uint64
	Mode                *uint32
	ModTime, AccessTime *time.Time
	UID, GID            *uint32
	Before              Owner // of an entry that has none yet
}

// HardLink gives the entry of that number at Path, which is no directory, one more name. Reply:
// [NamespaceChanged]; CodeNotFound as for [SetAttributes].
type HardLink struct {
	Call
	Path  string
	Inode uint64
	To    string
}

// Xattr is an extended attribute.
type Xattr struct {
	Name  string
	Value []byte // shared: the receiver does not write to it
}

// XattrsMax bounds the names and values of one entry's extended attributes
// together, in bytes.
const XattrsMax = 64 << 10

// ReadXattrs asks for all extended attributes of the entry of that number at Path,
// or of a file without a name. Reply: [XattrsRead].
type ReadXattrs struct {
	Call
	Path       string
	Inode, Row uint64
}

// XattrsRead replies to [ReadXattrs], in order of names.
type XattrsRead struct {
	Answer
	Xattrs []Xattr
}

// SetXattr sets or removes an extended attribute. Reply: [NamespaceChanged]; Failed
// with CodeExists and CodeNotFound as Create, Replace and Remove ask for, and with
// CodeNoSpace beyond [XattrsMax].
type SetXattr struct {
	Call
	Path       string
	Inode, Row uint64
	Xattr      Xattr // Value passes to the drive
	Create     bool  // it must not be there
	Replace    bool  // it must be there
	Remove     bool
}

func (ReadXattrs) forDrive()    {}
func (SetXattr) forDrive()      {}
func (MakeEntry) forDrive()     {}
func (SetAttributes) forDrive() {}
func (HardLink) forDrive()      {}
