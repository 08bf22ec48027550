package tree

import (
	"fmt"
	"slices"

	"github.com/noisefs/noisefs/runtime/shell"
)

// Running is a started tree.
type Running struct{ *shell.Node }

// Start starts the tree under a supervisor called name, which is the first
// part of every actor's path. ports makes the ports of each incarnation.
//
// It returns at once. Stop stops the children in reverse order and waits;
// Done is closed when the tree has ended, also by itself after too many
// panics, and then Err wraps shell.ErrNodeFailed.
func Start(system *shell.System, name string, spec Spec, ports shell.Ports) (*Running, error) {
	if err := spec.Validate(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	parts := make([]shell.Part, 0, len(spec.Children))
	for _, c := range spec.Children {
		parts = append(parts, shell.Part{
			Role:   c.Role,
			Child:  shell.Child{New: c.New},
			Policy: c.policy(),
			Needs:  slices.Concat(c.Needs, c.NeedsLater),
		})
	}
	return &Running{system.StartNode(name, parts, ports)}, nil
}
