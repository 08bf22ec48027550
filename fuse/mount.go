package fuse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/draft"
	"github.com/noisefs/noisefs/runtime/node"
)

// Errors of mounting.
var (
	// ErrNoFUSE reports a system that cannot mount: the text says what to do.
	ErrNoFUSE = errors.New("fuse: cannot mount here")
	// ErrMountPoint reports a folder that cannot be mounted on.
	ErrMountPoint = errors.New("fuse: cannot mount there")
	// ErrNotMounted reports a folder where no drive is mounted.
	ErrNotMounted = errors.New("fuse: no drive is mounted there")
	// ErrOption reports a mount option that is unknown or makes no sense.
	ErrOption = errors.New("fuse: bad mount option")
)

const (
	// rememberMax is how long the kernel may remember names and attributes.
	rememberMax = 10 * time.Second
	// requestMax is the largest read that the kernel sends.
	requestMax = 1 << 20
	// backgroundMax bounds the reads of the kernel's read-ahead in flight.
	backgroundMax = 64
	// rootNumber is the drive's root directory.
	rootNumber = 1
)

// Client is the node that is mounted.
type Client interface {
	node.Client
	// MakeEntry is as [node.Local.MakeEntry].
	MakeEntry(ctx context.Context, m messages.MakeEntry) error
	// SetAttributes is as [node.Local.SetAttributes].
	SetAttributes(ctx context.Context, m messages.SetAttributes) error
	// Xattrs and SetXattr are as [node.Local.Xattrs] and [node.Local.SetXattr].
	Xattrs(ctx context.Context, m messages.ReadXattrs) ([]messages.Xattr, error)
	SetXattr(ctx context.Context, m messages.SetXattr) error
	// HardLink is as [node.Local.HardLink].
	HardLink(ctx context.Context, m messages.HardLink) error
	// Exchange is as [node.Local.Exchange].
	Exchange(ctx context.Context, from, to string) error
	// EditFile is as [node.Local.EditFile].
	EditFile(
		ctx context.Context, claim messages.ClaimFile, pathNow func() string,
	) (*draft.Draft, error)
	// RemoveOpen, RenameOverOpen, StatOpen and ReleaseFile are as
	// [node.Local.RemoveOpen] and the others.
	RemoveOpen(ctx context.Context, path string) (row uint64, err error)
	RenameOverOpen(ctx context.Context, from, to string) (row uint64, err error)
	StatOpen(ctx context.Context, row uint64) (messages.Info, error)
	ReleaseFile(row uint64)
	// Watch is as [node.Local.Watch].
	Watch(changed func(path string)) (stop func())
}

// Mount is a mounted drive.
type Mount struct {
	client  Client
	options Options
	dir     string
	owner   fuse.Owner
	root    *directory
	server  *fuse.Server
	changes atomic.Uint64 // names that the node said changed
	own     ownChanges    // under way through this mount
	stop    func()        // ends the watching
}

// New mounts the drive of a client on a folder. A mount that a dead process left
// there is taken away first. The client stays the caller's, to close after
// [Mount.Unmount].
func New(client Client, dir string, options Options) (*Mount, error) {
	options.EnsureDefaults()
	dir, err := mountPoint(dir)
	if err != nil {
		return nil, err
	}
	if err := prepare(dir, options.NonEmpty); err != nil {
		return nil, err
	}
	m := &Mount{
		client: client, options: options, dir: dir,
		owner: fuse.Owner{Uid: uint32(os.Geteuid()), Gid: uint32(os.Getegid())},
	}
	ctx, cancel := m.within(context.Background())
	defer cancel()
	info, err := client.Stat(ctx, messages.Target{Path: "/"})
	if err != nil {
		return nil, fmt.Errorf("fuse: %w", err)
	}
	m.root = &directory{entry{mount: m, info: info}}
	if err := m.serve(); err != nil {
		return nil, err
	}
	m.stop = client.Watch(m.changed)
	return m, nil
}

// serve mounts and begins to answer.
func (m *Mount) serve() error {
	if err := canMount(); err != nil {
		return err
	}
	remember, access := rememberMax, "rw"
	if m.options.ReadOnly {
		access = "ro"
	}
	silent := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // it would log names
	server, err := fs.Mount(m.dir, m.root, &fs.Options{
		EntryTimeout: &remember, AttrTimeout: &remember, NegativeTimeout: &remember,
		NullPermissions: true, RootStableAttr: &fs.StableAttr{Ino: rootNumber},
		MountOptions: fuse.MountOptions{
			Name: "noisefs", FsName: "noisefs", AllowOther: m.options.AllowOther,
			Options:  append([]string{access, "default_permissions"}, m.options.Flags...),
			MaxWrite: requestMax, MaxBackground: backgroundMax,
			EnableSymlinkCaching: true, DirectMount: true, Logger: silent,
		},
		Logger: silent,
	})
	if err != nil {
		return mountError(err, m.options.AllowOther)
	}
	m.server = server
	return nil
}

// Writable tells whether the drive can still be changed through it.
func (m *Mount) Writable() bool {
	mounted, err := isMounted(m.dir)
	return !m.options.ReadOnly && (mounted || err != nil)
}

// Dir is where the drive is mounted, as an absolute path.
func (m *Mount) Dir() string { return m.dir }

// Wait returns when the drive is mounted no more, whoever unmounted it. It is
// to be called once.
func (m *Mount) Wait() {
	m.server.Wait()
	m.stop()
}

// Unmount takes the mount away. While files on it are open it only detaches it:
// the folder is as before, and those files fail when the process ends.
func (m *Mount) Unmount() error {
	m.stop()
	mounted, err := isMounted(m.dir)
	if err != nil || !mounted {
		return err
	}
	if err := m.server.Unmount(); err == nil {
		return nil
	}
	m.options.Log.Warn("The mount is busy and was detached")
	return detach(m.dir)
}

// within bounds a request in time, and takes away its interruption (see the
// package's comment).
func (m *Mount) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), m.options.ReadTimeout)
}

// changed has the kernel forget what it knows of a name. Of new parents it is
// the first that the kernel may take for missing.
func (m *Mount) changed(path string) {
	m.changes.Add(1)
	if m.own.has(path) {
		return // the kernel knows, and waits for us
	}
	at := &m.root.Inode
	names := strings.Split(strings.Trim(filepath.Clean("/"+path), "/"), "/")
	for i, name := range names {
		child := at.GetChild(name)
		if child != nil && i < len(names)-1 {
			at = child
			continue
		}
		if child != nil {
			at.RmChild(name)
		}
		// Failures say that the kernel knows nothing of it.
		_ = at.NotifyEntry(name)
		_ = at.NotifyContent(-1, 0) // the directory's time
		return
	}
}

// Options say how a drive is mounted.
type Options struct {
	AllowOther bool // users beside the one who mounts may use it, as modes permit
	ReadOnly   bool // nothing can be changed through it; of all mounts of a drive, all but one
	NonEmpty   bool // the folder may have files, which are hidden meanwhile
	// ReadTimeout is how long a request may take; then it fails with EIO. 0: 30 s.
	ReadTimeout time.Duration
	Flags       []string     // of the kernel: nodev, noexec and the like
	Log         *slog.Logger // nil discards
}

// readTimeoutDefault is long enough for a slow network, and shorter than the
// patience of a person.
const readTimeoutDefault = 30 * time.Second

// EnsureDefaults replaces zero fields by defaults.
func (o *Options) EnsureDefaults() {
	if o.ReadTimeout <= 0 {
		o.ReadTimeout = readTimeoutDefault
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// Parse takes in the value of -o, as mount(8) and fstab have it. What only
// concerns others (nofail, x-systemd.…) is passed over.
func (o *Options) Parse(list string) error {
	for option := range strings.SplitSeq(list, ",") {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "ro", "rw":
			o.ReadOnly = key == "ro"
		case "", "defaults", "default_permissions", "auto", "noauto", "user", "users",
			"nouser", "nofail", "_netdev", "noatime", "relatime":
		case "allow_other":
			o.AllowOther = true
		case "nonempty":
			o.NonEmpty = true
		case "dev", "nodev", "suid", "nosuid", "exec", "noexec":
			o.Flags = append(o.Flags, key)
		case "read_timeout":
			timeout, err := time.ParseDuration(value)
			if err != nil || timeout <= 0 {
				return fmt.Errorf("%w: read_timeout takes a duration, as 30s", ErrOption)
			}
			o.ReadTimeout = timeout
		default:
			if !strings.HasPrefix(key, "x-") {
				return fmt.Errorf("%w: %q", ErrOption, key)
			}
		}
	}
	return nil
}
