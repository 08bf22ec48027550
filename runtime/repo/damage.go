package repo

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/noisefs/noisefs/runtime/atomicfile"
	"github.com/noisefs/noisefs/runtime/node"
)

// damageName is the file that keeps what the last verification found. It is
// there as long as the repository is damaged, as far as is known, and has a
// count and a time. It lies beside the index, which may be what is damaged.
const (
	damageName     = "damage.json"
	damageBytesMax = 4 << 10
)

// damage remembers what was found across processes.
type damage struct {
	dir string
	log *slog.Logger
}

// Verify implements [node.Client]. What it finds is told by Status until a
// verification finds nothing.
func (r *Repo) Verify(
	ctx context.Context, progress func(node.Progress),
) (node.VerifyReport, error) {
	report, err := r.Local.Verify(ctx, progress)
	if err == nil {
		r.damage.keep(report.ProblemCount)
	}
	return report, err
}

// Status implements [node.Client].
func (r *Repo) Status(ctx context.Context) (node.RepoStatus, error) {
	status, err := r.Local.Status(ctx)
	status.Damage = r.damage.known()
	return status, err
}

// Counters implements [node.Client].
func (r *Repo) Counters(ctx context.Context) (node.RepoStatus, error) {
	status, err := r.Local.Counters(ctx)
	status.Damage = r.damage.known()
	return status, err
}

// keep notes what a verification found. That it cannot, as on a disk that is
// full, is no reason to withhold the report.
func (d damage) keep(problems int64) {
	path := filepath.Join(d.dir, damageName)
	var err error
	if problems == 0 {
		err = os.Remove(path)
	} else {
		err = writeDamage(path, node.Damage{Problems: problems, Found: time.Now().UTC()})
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.log.Warn("What the verification found will not be remembered", "error", err)
	}
}

func writeDamage(path string, found node.Damage) error {
	text, err := json.Marshal(found)
	if err != nil {
		return err
	}
	return atomicfile.Replace(path, append(text, '\n'), 0o600)
}

// known is what the last verification found; nil: nothing. A file that cannot
// be read counts as damage too.
func (d damage) known() *node.Damage {
	file, err := os.Open(filepath.Join(d.dir, damageName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	found := &node.Damage{Problems: 1}
	if err != nil {
		return found
	}
	defer file.Close()
	buf := make([]byte, damageBytesMax)
	n, err := file.Read(buf)
	if err != nil || json.Unmarshal(buf[:n], found) != nil || found.Problems < 1 {
		return &node.Damage{Problems: 1}
	}
	return found
}
