package tree

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/noisefs/noisefs/runtime/shell"
)

// ErrSpec reports a spec that makes no sense.
var ErrSpec = errors.New("tree: bad spec")

// The restart policy of a child that names none.
const (
	IntensityDefault = 10
	PeriodDefault    = 10 * time.Second
)

// Spec is a supervision tree.
type Spec struct {
	Children []ChildSpec // in start order
}

// ChildSpec is one actor of the tree.
type ChildSpec struct {
	Role string // its name, [a-z][a-z0-9-]*, unique in the tree
	Doc  string // what it does, one line
	New  func(env *shell.Env) shell.Behaviour

	// Intensity is the number of panics within Period (Clock's time) that
	// the actor survives. A Period of 0 means the default for both.
	Intensity int
	Period    time.Duration

	// Needs are the roles that it sends to, and that start before it.
	Needs []string
	// NeedsLater are the roles that it sends to, and that start after it.
	NeedsLater []string
}

// policy returns the restart policy with the defaults filled in.
func (c ChildSpec) policy() shell.Policy {
	if c.Period == 0 {
		return shell.Policy{Intensity: IntensityDefault, Period: PeriodDefault}
	}
	return shell.Policy{Intensity: c.Intensity, Period: c.Period}
}

var roleName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// Validate returns an error, wrapping [ErrSpec], for every mistake: a bad or
// duplicate role, a need that is not in the tree or in the wrong list.
func (s Spec) Validate() error {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("%w: "+format, append([]any{ErrSpec}, args...)...))
	}
	if len(s.Children) == 0 {
		bad("no children")
	}
	place := make(map[string]int)
	for i, c := range s.Children {
		if !roleName.MatchString(c.Role) {
			bad("%q is no role name", c.Role)
		}
		if _, taken := place[c.Role]; taken {
			bad("role %s is there twice", c.Role)
		}
		place[c.Role] = i
		if c.New == nil {
			bad("%s has no New", c.Role)
		}
		if c.Intensity < 0 || c.Period < 0 {
			bad("%s has a negative restart policy", c.Role)
		}
	}
	for i, c := range s.Children {
		seen := make(map[string]bool)
		check := func(list, role string, right func(at int) bool) {
			at, known := place[role]
			switch {
			case seen[role]:
				bad("%s names %s twice", c.Role, role)
			case !known:
				bad("%s needs %s, which is not in the tree", c.Role, role)
			case !right(at):
				bad("%s lists %s under %s, against the start order", c.Role, role, list)
			}
			seen[role] = true
		}
		for _, role := range c.Needs {
			check("Needs", role, func(at int) bool { return at < i })
		}
		for _, role := range c.NeedsLater {
			check("NeedsLater", role, func(at int) bool { return at > i })
		}
	}
	return errors.Join(problems...)
}
