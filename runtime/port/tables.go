package port

// The tables of the index. A number is never reused. A history table keeps
// no value at rest: that its row is there is all it says.
const (
	TableSettings   Table = 1  // drive, randomizer: counters and settings
	TableInodes     Table = 2  // drive: inode number → inode
	TableDentries   Table = 3  // drive: group parent inode; name → dentry
	TableRoots      Table = 4  // drive: links that are kept or shared
	TableSlotA      Table = 5  // randomizer: history; block used in slot A
	TablePairs      Table = 6  // randomizer: history; unordered pair {A, B}
	TableCandidates Table = 7  // randomizer: blocks eligible for slot A
	TableReuse      Table = 8  // randomizer: blocks in use for slot B, with use counts
	TableKept       Table = 9  // store: why a block is kept beside being mine
	TableInline     Table = 10 // drive: inode number → content of a small file
	TableXattrs     Table = 11 // drive: inode number → extended attributes
)

// HistoryTable reports whether rows of t have no value.
func HistoryTable(t Table) bool { return t == TableSlotA || t == TablePairs }
