package api

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ErrForeignSocket reports a socket that another user made, or could put
// another in place of.
var ErrForeignSocket = errors.New("api: the socket is not safe from other users")

// checkSocket refuses a socket behind which another user may listen: clients
// send plaintext and links to it. A folder below the temp folder can have
// been made by anybody before we came.
func checkSocket(path string) error {
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	socket, err := os.Lstat(path)
	if err != nil {
		return err
	}
	return checkOwners(dir, socket, os.Getuid())
}

// checkOwners tells whether only uid or root can have put the socket there.
func checkOwners(dir, socket fs.FileInfo, uid int) error {
	for _, info := range []fs.FileInfo{dir, socket} {
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || stat.Uid != 0 && int(stat.Uid) != uid {
			return fmt.Errorf("%w: it belongs to another", ErrForeignSocket)
		}
	}
	const others = 0o022
	if dir.Mode()&others != 0 && dir.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("%w: others may write to its folder", ErrForeignSocket)
	}
	return nil
}
