package node

import (
	"context"
	"io"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// Client is how everything outside the actors uses a node: the command
// line, the HTTP API, later the mount. [Local] talks to a node in this
// process; runtime/api has the one that goes over a daemon's socket. Both
// keep this contract.
//
// All methods may be called from many goroutines, and end early with the
// context's error when it ends. Errors are, or wrap, *messages.Error.
type Client interface {
	// PutFile stores what r has until io.EOF, and returns when it is
	// durable. An error of r (other than io.EOF) stores nothing.
	PutFile(ctx context.Context, r io.Reader, options PutOptions) (messages.Link, error)
	// PutTree stores a directory tree, likewise.
	PutTree(ctx context.Context, source TreeSource, options PutOptions) (messages.Link, error)

	// Open opens a file for reading.
	Open(ctx context.Context, target messages.Target) (File, error)
	// ReadTree tells sink every entry below a directory, depth first, in
	// ascending order of names, the directory itself first with Path "".
	ReadTree(ctx context.Context, target messages.Target, sink TreeSink) error

	Stat(ctx context.Context, target messages.Target) (messages.Info, error)
	// List returns up to limit entries with names greater than after, in
	// ascending order, and whether more follow.
	List(
		ctx context.Context, target messages.Target, after string, limit int,
	) (entries []messages.Info, more bool, err error)
	MakeDirectory(ctx context.Context, path string, parents bool) error
	Rename(ctx context.Context, from, to string, replace bool) error
	Remove(ctx context.Context, path string, recursive bool) error

	Share(ctx context.Context, path string) (messages.Link, error)
	// Shares calls each for every link that is kept.
	Shares(ctx context.Context, each func(messages.SharedLink) error) error
	Unshare(ctx context.Context, link messages.Link) error
	Import(ctx context.Context, link messages.Link, path string) error

	Status(ctx context.Context) (RepoStatus, error)
	// Counters is Status without what takes a walk over all names: UserFiles,
	// UserBytes and Overhead are 0.
	Counters(ctx context.Context) (RepoStatus, error)
	Verify(ctx context.Context, progress func(Progress)) (VerifyReport, error)
	// Collect frees blocks that nothing needs. Unlike all others, the text of
	// its error may hold a name: that of what cannot be read.
	Collect(
		ctx context.Context, options CollectOptions, progress func(Progress),
	) (CollectReport, error)
	// Blocks calls each for every stored block, in CID order.
	Blocks(ctx context.Context, each func(messages.CID) error) error
	// Block returns the raw bytes of a stored block.
	Block(ctx context.Context, cid messages.CID) ([]byte, error)

	// Network tells how the node does among others. It, Peers and Connect are
	// CodeUnavailable for a node that is alone.
	Network(ctx context.Context) (NetworkStatus, error)
	// Peers lists the other members that the node knows of, in order of ID.
	Peers(ctx context.Context) ([]PeerStatus, error)
	// Invite makes the text of an invitation to the node's network, which is
	// good until then. It holds the secret of a private network.
	Invite(ctx context.Context, expires time.Time) (string, error)
	// Connect dials a node by its multiaddr with /p2p/ID, and joins its network.
	Connect(ctx context.Context, address string) (messages.NodeID, error)

	// Replicas calls each for every block that a target needs, with what is
	// known of its holders. A link is named without a path below it. Of very
	// large targets, blocks may come more than once. Also CodeUnavailable
	// for a node that is alone.
	Replicas(ctx context.Context, target messages.Target, each func(BlockReplicas) error) error
	// Spread has every block that a target of the drive needs held by at least
	// that many other nodes, and returns when they do. CodeUnavailable: the
	// network has fewer.
	Spread(
		ctx context.Context, target messages.Target, others int, progress func(Progress),
	) error

	// Close releases the client; a node in this process is stopped.
	Close() error
}

// PutOptions say how a file or tree is stored.
type PutOptions struct {
	Name       string // kept in the root, for whoever gets the link; may be empty
	Attributes messages.Attributes
	Place      messages.Place
	// Progress, if set, is told of bytes read from the source; it must be
	// quick, and may be called from another goroutine.
	Progress func(bytes int64)
}

// File is a file open for reading.
type File interface {
	Info() messages.Info
	// ReadAt reads as io.ReaderAt does.
	ReadAt(ctx context.Context, p []byte, offset int64) (int, error)
	// CopyTo writes length bytes from offset to w (length < 0: to the end)
	// and returns how many it wrote. It reads ahead. Runs of zeros that the
	// file keeps as holes are skipped by seeking when w is a [HoleWriter].
	CopyTo(ctx context.Context, w io.Writer, offset, length int64) (int64, error)
	Close() error
}

// HoleWriter is a writer that can leave a hole of n zero bytes.
type HoleWriter interface {
	io.Writer
	WriteHole(n int64) error
}

// HoleReader is a source, of PutFile or PutTree, that knows where its holes
// are. SkipHole skips what zeros there are for certain at the place that the
// next Read would begin at, in whole units, and returns how many bytes; 0 at
// data, and where it does not know.
type HoleReader interface {
	io.Reader
	SkipHole(unit int64) (int64, error)
}

// TreeItem is one entry of a tree. Path is relative, slash-separated; the
// root's is "".
type TreeItem struct {
	Path       string
	Type       messages.FileType
	Size       int64 // of a file
	Attributes messages.Attributes
	Target     string // of a symlink
}

// TreeSource lists a tree depth first, a directory before its entries, names
// ascending bytewise in each directory. The root directory comes first.
type TreeSource interface {
	// Next returns the next item, io.EOF after the last.
	Next() (TreeItem, error)
	// Read reads the content of the file that Next returned last.
	io.Reader
}

// TreeSink receives a tree.
type TreeSink interface {
	// Entry is called for each item; content is nil but for files, and
	// valid only during the call.
	Entry(item TreeItem, content io.Reader) error
}

// RepoStatus is what `repo stat` shows.
type RepoStatus struct {
	FormatVersion        int     `json:"formatVersion"`
	Profile              string  `json:"profile"`
	Blocks               int64   `json:"blocks"`
	BlockBytes           int64   `json:"blockBytes"` // on disk, dead blocks included
	IndexBytes           int64   `json:"indexBytes"` // on disk
	UserBytes            int64   `json:"userBytes"`  // sizes of all files that are named or kept
	UserFiles            int64   `json:"userFiles"`
	Overhead             float64 `json:"overhead"`             // (blockBytes+indexBytes)/userBytes; 0 when there are none
	FreeBytes            int64   `json:"freeBytes"`            // what the disk can still take
	QuotaBytes           int64   `json:"quotaBytes"`           // 0: none
	RandomizersGenerated uint64  `json:"randomizersGenerated"` // slots, since the repository was made
	RandomizersReused    uint64  `json:"randomizersReused"`
	SlotACandidates      uint64  `json:"slotACandidates"` // blocks eligible for slot A
	CacheMemoryBytes     int64   `json:"cacheMemoryBytes"`
	CacheMemoryHits      uint64  `json:"cacheMemoryHits"`
	CacheDiskHits        uint64  `json:"cacheDiskHits"`
	CacheMisses          uint64  `json:"cacheMisses"`
	Damage               *Damage `json:"damage"` // null: the last verification found none
}

// Damage is what a verification of the repository found, until one finds nothing.
type Damage struct {
	Problems int64     `json:"problems"`
	Found    time.Time `json:"found"`
}

// Progress of long work. Total is 0 while it is unknown.
type Progress struct {
	Phase       string `json:"phase"`
	Done, Total int64
}

// VerifyReport is what Verify found. Problems lists the first ones.
type VerifyReport struct {
	Blocks       int64              `json:"blocks"`
	Refs         int64              `json:"refs"`
	IndexRows    int64              `json:"indexRows"`
	ProblemCount int64              `json:"problemCount"`
	Problems     []messages.Problem `json:"problems"`
}

// CollectOptions say what Collect does.
type CollectOptions struct {
	DryRun  bool   // only say what would be freed
	Without string // with DryRun: as if this path of the drive were removed
	// Purge rewrites the index too, so that deleted names and refs leave
	// the disk.
	Purge bool
}

// CollectReport is what Collect did, or with DryRun would do.
type CollectReport struct {
	NeededBlocks int64 `json:"neededBlocks"`
	FreedBlocks  int64 `json:"freedBlocks"`
	FreedBytes   int64 `json:"freedBytes"`
	DryRun       bool  `json:"dryRun"`
}
