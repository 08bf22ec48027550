// Package drive keeps the names: a tree of files, directories and symlinks
// over the blocks, and the links that are kept. It is the one writer of the
// namespace, packs small files, and tells a collector what is needed.
//
// # The namespace
//
// An inode (a row of the index, by number) is a file, a directory or a
// symlink without its name; a dentry (a row, by parent and name) leads to an
// inode. A directory is an immutable base, a directory of some tree that was
// stored or imported, and over it the dentries of what was changed since: a
// dentry hides the base's entry of its name, and a whiteout hides it with
// nothing. So a tree of a million files gets its name in one transaction of
// a few rows, and a change in its depth copies up only the directories on
// the way there: each gets an inode with its place in the snapshot as base.
// A file is a root block, or content as an entry has it when it was moved
// out of a snapshot or changed, or, when it was changed and is small, bytes in
// a row of their own.
//
// Every change is one durable transaction whose conditions are the rows it
// was decided on. Changes take turns; look-ups do not wait for them.
//
// A removed directory that has dentries becomes an orphan in that
// transaction and is cleaned away in batches later, also after a restart.
//
// # Contract
//
// It receives the commands of messages.ForDrive and answers each as told
// there. In addition:
//
//   - [messages.StoreFile] and [messages.FinishTree] sync the stream BEFORE
//     the transaction that names the root, and answer AFTER it is durable.
//   - A failed [messages.FinishTree] ends the tree, unless it made no sense
//     (CodeInvalid). A failed step ends it too, except CodeInvalid, which
//     changes nothing; a tree that failed answers all with what it failed of.
//     [messages.AbandonTree] and [messages.EndWalk] never fail.
//   - [messages.EndWalks] ends the walks of the asker, begun or about to be.
//     [messages.ForgetBlocks] drops decoded nodes: a root whose blocks were
//     deleted cannot be imported.
//   - [messages.Listed] may hold fewer entries than the limit, but is empty
//     only when More is false.
//   - [messages.Share] makes a new link unless the path has a root that says
//     the same already. One row is kept for a link however often it is
//     shared, and one [messages.Unshare] ends it.
//   - The text of an error never holds a name or a path.
//
// It asks the splitter (role "splitter") for SealBlock, SyncStream, and for
// shares OpenStream and CloseStream; the reader (role "reader") for
// UnsealBlock, and for packed files that are shared OpenContent, ReadRange
// and CloseContent. At its start it has both close what an incarnation before
// it left open (CloseStreams, CloseContents). It emits no events.
//
// # Decisions
//
// A decision on names (names.go, changes.go, share.go) is a pure function of
// a view (view.go). It is run again and again, each time after what it
// lacked was read, until it lacks nothing. A view is kept up to date with
// every commit, so the last run sees one state. Trees (tree.go) and walks
// (walk.go) are pure state machines. The rest carries them out.
//
// # Walks
//
// A walk visits whatever was needed when it began and still is. It scans all
// inode rows and all kept links, and not the names, so that a rename hides
// nothing; then the rows that were written meanwhile, since copying up puts
// what one row needed into another. Within the base of a directory it leaves
// out what dentries hide: those entries have rows of their own, or are gone.
// The refs that open trees hold, and roots between their sync and their row,
// are added when it begins. Links from outside are the one source of needs
// that nothing had before: hence [messages.HoldImports].
//
// Files and UserBytes count the files of the drive and of links stored
// without a path, not shares. What two names have in common by one root is
// walked, and may be counted, once.
//
// # State and bounds
//
// All bounds are in [Config]. Memory: rows and decoded nodes (two caches),
// the views of at most OperationsMax operations, TreesMax trees and WalksMax
// walks. A directory is listed through a window of WindowMax changed names;
// those of a few directories are kept from one page to the next.
//
// A restart forgets trees, walks and what was held; the namespace is in the
// index. Inode numbers that were leased and not used are skipped.
package drive
