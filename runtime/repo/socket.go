package repo

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
)

// socketPathMax is the longest path of a unix socket on Linux, in bytes:
// sun_path has 108, and one is the final NUL.
const socketPathMax = 107

// SocketPath says where the daemon of a repository listens: in the
// repository, or, when that path is too long for a unix socket, in a folder
// of the user's own under the runtime or temp folder, named by a hash of
// the repository's path. Every process computes the same.
func SocketPath(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	path := filepath.Join(dir, "api.sock")
	if len(path) <= socketPathMax {
		return path, nil
	}
	base := os.Getenv("XDG_RUNTIME_DIR")
	if base == "" {
		base = filepath.Join(os.TempDir(), "noisefs-"+strconv.Itoa(os.Getuid()))
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(base, "noisefs-"+hex.EncodeToString(sum[:8])+".sock"), nil
}
