package messages

import "time"

// ClaimFile prepares a file of the drive to be changed: it gets a row of its own
// if it has none, by which it is known whatever its name becomes. Reply:
// [FileClaimed]; Failed with CodeNotFound when the path leads to another entry
// than that of the number Inode by now. A file without a name that is kept
// ([Remove]) is claimed by its row.
type ClaimFile struct {
	Call
	Path  string
	Inode uint64
	Row   uint64
}

// FileClaimed replies to [ClaimFile].
type FileClaimed struct {
	Answer
	Row     uint64
	Info    Info
	Content Content
}

// SetContent gives the file of a row other content, whose blocks are durable:
// the stream that wrote them is open until the reply. Up to Params.PackMax bytes
// may come as Content.Inline, and pass to the drive. Reply: [NamespaceChanged],
// when durable; Failed with CodeNotFound when the file was removed.
type SetContent struct {
	Call
	Row     uint64
	Content Content
	ModTime time.Time
}

func (ClaimFile) forDrive()  {}
func (SetContent) forDrive() {}
