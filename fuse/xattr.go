package fuse

import (
	"context"
	"strconv"
	"syscall"

	"github.com/noisefs/noisefs/runtime/node"
)

// replicasAttribute tells how many other nodes hold, of what a file or tree
// needs, the block that the fewest hold. It is not listed, since finding out asks
// about every block, and programs that copy read all that is.
const replicasAttribute = "user.noisefs.replicas"

// Getxattr answers for the attributes that there are.
func (e *entry) Getxattr(ctx context.Context, name string, dest []byte) (uint32, syscall.Errno) {
	if name != replicasAttribute {
		return 0, syscall.ENODATA
	}
	ctx, cancel := e.mount.within(ctx)
	defer cancel()
	fewest := -1
	err := e.mount.client.Replicas(ctx, e.target(), func(block node.BlockReplicas) error {
		if others := len(block.Others); fewest < 0 || others < fewest {
			fewest = others
		}
		return nil
	})
	switch {
	case err != nil:
		return 0, errnoOf(err, aboutContent)
	case fewest < 0: // an empty directory
		return 0, syscall.ENODATA
	}
	return give(dest, strconv.Itoa(fewest))
}

// give returns a value into dest; an empty dest asks for its size.
func give(dest []byte, value string) (uint32, syscall.Errno) {
	if len(dest) > 0 && len(dest) < len(value) {
		return 0, syscall.ERANGE
	}
	return uint32(max(copy(dest, value), len(value))), 0
}

// Listxattr lists nothing: what the drive keeps of a file is in its attributes.
func (e *entry) Listxattr(context.Context, []byte) (uint32, syscall.Errno) { return 0, 0 }
