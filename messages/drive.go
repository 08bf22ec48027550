package messages

// ForDrive is what the drive receives.
type ForDrive interface{ forDrive() }

// Target names a thing of the drive or below a link. With Link nil, Path is
// a path of the drive; otherwise Path is below the link's root, and empty
// for the root itself. Paths are slash-separated and cleaned; "/" is the
// root of the drive.
type Target struct {
	Link *Link
	Path string
}

// Place says where a stored file or tree goes: to a Path of the drive, or,
// when Path is empty, it is kept under its link alone until [Unshare].
type Place struct {
	Path    string
	Replace bool // a file of that name may be replaced (never a directory)
}

// Info describes an entry to people. It holds a name, so it prints as
// [Redacted] in logs.
type Info struct {
	Name string
	Type FileType
	Size uint64
	// Inode is the entry's number: of this entry alone, and the same after a
	// restart, a rename, or a change elsewhere. 0 for the root of a link; below
	// a link it is good within that link.
	Inode uint64
	Attributes
	Posix
	Target string // of a symlink
}

// StoreFile makes a file of content that the splitter stored in Stream:
// its root node, and its name or its place among the kept links. Reply:
// [RootStored], when durable. The asker closes the stream afterwards.
type StoreFile struct {
	Call
	Stream     StreamID
	Place      Place
	Name       string // put into the root node; may be empty
	Attributes Attributes
	Content    Content
}

// RootStored replies to [StoreFile] and [FinishTree].
type RootStored struct {
	Answer
	Link Link
}

// OpenTree starts a tree, whose packs and nodes are written to Stream.
// Entries follow depth first, in ascending bytewise order of names within
// each directory. One command at a time per tree. Reply: [TreeOpened].
type OpenTree struct {
	Call
	Stream StreamID
}

// TreeID names a tree that is being built.
type TreeID uint64

// TreeOpened replies to [OpenTree].
type TreeOpened struct {
	Answer
	Tree TreeID
}

// AddEntry adds a file or symlink to the tree's current directory. A small
// file comes with Content.Inline (up to Params.PackMax bytes, which pass to
// the drive) and is packed; a larger one with content that the splitter
// stored. Reply: [EntryAdded], which may wait for the pack to be written.
type AddEntry struct {
	Call
	Tree  TreeID
	Entry Entry
}

// EntryAdded replies to [AddEntry], [EnterDirectory] and [LeaveDirectory].
type EntryAdded struct{ Answer }

// EnterDirectory adds a directory and makes it current. Reply: [EntryAdded].
type EnterDirectory struct {
	Call
	Tree       TreeID
	Name       string
	Attributes Attributes
}

// LeaveDirectory ends the current directory. Reply: [EntryAdded].
type LeaveDirectory struct {
	Call
	Tree TreeID
}

// FinishTree ends the tree's root directory. Reply: [RootStored], when
// everything is durable.
type FinishTree struct {
	Call
	Tree       TreeID
	Name       string
	Attributes Attributes // of the root directory
	Place      Place
}

// AbandonTree forgets a tree that was not finished. Reply: [TreeAbandoned].
type AbandonTree struct {
	Call
	Tree TreeID
}

// TreeAbandoned replies to [AbandonTree].
type TreeAbandoned struct{ Answer }

// Stat describes a target. Reply: [Statted].
type Stat struct {
	Call
	Target   Target
	InfoOnly bool // leave Content out, which may have to be read
}

// Statted replies to [Stat]. Content is set for files, unless only the Info was
// asked for: the reader opens it.
type Statted struct {
	Answer
	Info    Info
	Content Content
}

// List lists a directory in ascending order of names. Reply: [Listed].
type List struct {
	Call
	Target Target
	After  string // start with ""
	Limit  int    // 1..ListMax
}

// ListMax bounds the entries of one [Listed].
const ListMax = 1024

// Listed replies to [List]. While More is true it may hold fewer entries than
// the limit, but never none.
type Listed struct {
	Answer
	Entries []Info
	More    bool
}

// MakeDirectory makes a directory. Reply: [NamespaceChanged].
type MakeDirectory struct {
	Call
	Path    string
	Parents bool // make missing parents, and accept that Path is there
}

// Rename moves a file or directory. Reply: [NamespaceChanged]. When Replace is
// set, a file may replace a file, and a directory an empty directory; with
// Exchange both must be there, whatever they are, and change places.
type Rename struct {
	Call
	From, To string
	Replace  bool
	Exchange bool
	KeepOpen bool // as of Remove, what is replaced
}

// Remove removes a name, and with Recursive all below it. Reply:
// [NamespaceChanged]. Space comes back with the next collection.
type Remove struct {
	Call
	Path      string
	Recursive bool
	// KeepOpen says that the entry is an open file: unless it has other names,
	// it stays without one until [ReleaseFile], or a restart.
	KeepOpen bool
}

// ReleaseFile ends what KeepOpen began. Reply: [NamespaceChanged].
type ReleaseFile struct {
	Call
	Row uint64
}

// NamespaceChanged replies to the commands that change names, when durable.
type NamespaceChanged struct {
	Answer
	// Kept is the row of an entry that was removed, or replaced, and is kept
	// since the command said KeepOpen; 0: there is none.
	Kept uint64
}

// Share makes a link to what is at Path now. It is listed, and what it needs
// is kept, until [Unshare]. Reply: [Shared].
type Share struct {
	Call
	Path string
}

// Shared replies to [Share].
type Shared struct {
	Answer
	Link Link
}

// ListShares lists the links that are kept: shares, and what was stored
// without a path. Reply: [SharesListed].
type ListShares struct {
	Call
	After []byte // start with nil
	Limit int    // 1..ListMax
}

// SharedLink is a row of [SharesListed].
type SharedLink struct {
	Link Link
	Path string // the path that was shared; empty if stored without one
	Name string // the root's own name, if any
}

// SharesListed replies to [ListShares].
type SharesListed struct {
	Answer
	Shares []SharedLink
	Next   []byte // nil at the end
}

// Unshare ends the keeping of a link. Reply: [NamespaceChanged]; Failed with
// CodeNotFound when the link is not kept here.
type Unshare struct {
	Call
	Link Link
}

// Import gives a link a name in the drive; its content is read on demand.
// Reply: [NamespaceChanged]; Failed when the root cannot be read.
type Import struct {
	Call
	Link Link
	Path string
}

// BeginWalk starts a walk over every ref that names, shares and open trees
// need, as of now. Reply: [WalkBegun].
type BeginWalk struct {
	Call
	Without string // a path of the drive to leave out; empty: none
	Only    string // walk this path alone; empty: everything
	// Root is walked alone, whether or not anything needs it; nil: see Only.
	Root *NeededRef
}

// WalkID names a walk.
type WalkID uint64

// WalkBegun replies to [BeginWalk].
type WalkBegun struct {
	Answer
	Walk WalkID
}

// ContinueWalk goes on with a walk, and adds refs to walk below of. Reply:
// [WalkContinued].
type ContinueWalk struct {
	Call
	Walk WalkID
	Also []NeededRef // extra roots, from [InFlightListed]
}

// WalkContinued replies to [ContinueWalk]. Unless Done, ask again. A ref may
// come more than once. A node that cannot be read is reported in Broken and
// what is below it is unknown: a collector must not go on then.
type WalkContinued struct {
	Answer
	Refs      []NeededRef // up to WalkBatch
	Broken    []Problem
	Files     uint64 // files seen in this batch
	UserBytes uint64 // their sizes
	Done      bool
}

// WalkBatch bounds the refs of one [WalkContinued].
const WalkBatch = 4096

// EndWalk ends a walk. Reply: [WalkEnded].
type EndWalk struct {
	Call
	Walk WalkID
}

// WalkEnded replies to [EndWalk].
type WalkEnded struct{ Answer }

// EndWalks ends all walks that the asker began, and what they hold: an
// incarnation that begins ends those of the one before. Reply: [WalksEnded].
type EndWalks struct{ Call }

// WalksEnded replies to [EndWalks].
type WalksEnded struct{ Answer }

// HoldImports makes the drive put off [Import] until Hold is false, so that
// no link comes to need blocks that a collector is about to delete. It
// replies with the refs of roots imported since the walk began. Reply:
// [ImportsHeld].
type HoldImports struct {
	Call
	Walk WalkID
	Hold bool
}

// ImportsHeld replies to [HoldImports].
type ImportsHeld struct {
	Answer
	Roots []NeededRef
}

func (StoreFile) forDrive()      {}
func (OpenTree) forDrive()       {}
func (AddEntry) forDrive()       {}
func (EnterDirectory) forDrive() {}
func (LeaveDirectory) forDrive() {}
func (FinishTree) forDrive()     {}
func (AbandonTree) forDrive()    {}
func (Stat) forDrive()           {}
func (List) forDrive()           {}
func (MakeDirectory) forDrive()  {}
func (Rename) forDrive()         {}
func (Remove) forDrive()         {}
func (ReleaseFile) forDrive()    {}
func (Share) forDrive()          {}
func (ListShares) forDrive()     {}
func (Unshare) forDrive()        {}
func (Import) forDrive()         {}
func (BeginWalk) forDrive()      {}
func (ContinueWalk) forDrive()   {}
func (EndWalk) forDrive()        {}
func (EndWalks) forDrive()       {}
func (HoldImports) forDrive()    {}
func (ForgetBlocks) forDrive()   {}
func (BlockSealed) forDrive()    {}
func (StreamOpened) forDrive()   {}
func (StreamSynced) forDrive()   {}
func (StreamClosed) forDrive()   {}
func (StreamsClosed) forDrive()  {}
func (BlockUnsealed) forDrive()  {}
func (ContentOpened) forDrive()  {}
func (RangeRead) forDrive()      {}
func (ContentClosed) forDrive()  {}
func (ContentsClosed) forDrive() {}
func (IndexCommitted) forDrive() {}
func (IndexGot) forDrive()       {}
func (IndexScanned) forDrive()   {}
func (WorkDone) forDrive()       {}
func (Failed) forDrive()         {}
