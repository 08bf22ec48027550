package fuse

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// fsType is what the mount is in /proc/mounts.
const fsType = "fuse.noisefs"

// device is how the kernel lets a process be a file system.
const device = "/dev/fuse"

// mountPoint is a folder as /proc/mounts has it: absolute, without symlinks. The
// last name is looked up in its parent, since that of a dead mount cannot be read.
func mountPoint(dir string) (string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMountPoint, err)
	}
	if real, err := filepath.EvalSymlinks(absolute); err == nil {
		return real, nil
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(absolute))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMountPoint, err)
	}
	return filepath.Join(parent, filepath.Base(absolute)), nil
}

// isMounted tells whether a drive is mounted on a folder, dead or alive.
func isMounted(dir string) (bool, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(dir))
	if err != nil {
		return false, fmt.Errorf("fuse: %w", err)
	}
	return len(mounts) > 0 && mounts[0].FSType == fsType, nil
}

// prepare makes sure that a folder can be mounted on, after a dead mount was
// taken away.
func prepare(dir string, nonEmpty bool) error {
	mounted, err := isMounted(dir)
	if err != nil {
		return err
	}
	if mounted {
		// Not stat, which the kernel answers for a dead mount from what it
		// remembers.
		var answer unix.Statfs_t
		if err := unix.Statfs(dir, &answer); !errors.Is(err, syscall.ENOTCONN) {
			return fmt.Errorf("%w: a drive is mounted on %s", ErrMountPoint, dir)
		}
		if err := detach(dir); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(dir)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrMountPoint, err)
	case len(entries) > 0 && !nonEmpty:
		return fmt.Errorf("%w: %s is not empty (-o nonempty hides what it has)",
			ErrMountPoint, dir)
	}
	return nil
}

// fusermount is the helper that mounts for ordinary users; "" if it is missing.
func fusermount() string {
	for _, name := range []string{"fusermount3", "fusermount"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// canMount says what is missing for mounting, if anything.
func canMount() error {
	switch _, err := os.Stat(device); {
	case err != nil:
		return fmt.Errorf("%w: there is no %s; load the kernel module fuse, "+
			"or pass the device into the container", ErrNoFUSE, device)
	case os.Geteuid() != 0 && fusermount() == "":
		return fmt.Errorf("%w: fusermount3 is missing; install the package fuse3", ErrNoFUSE)
	}
	return nil
}

// mountError words why the kernel or the helper refused.
func mountError(err error, allowOther bool) error {
	hint := ""
	if allowOther && os.Geteuid() != 0 {
		hint = "; --allow-other needs the line user_allow_other in /etc/fuse.conf"
	}
	return fmt.Errorf("%w: %w%s", ErrNoFUSE, err, hint)
}

// Unmount takes away the drive that is mounted on a folder, whichever process
// serves it. It fails while files on it are open.
func Unmount(dir string) error {
	dir, err := mountPoint(dir)
	if err != nil {
		return err
	}
	mounted, err := isMounted(dir)
	switch {
	case err != nil:
		return err
	case !mounted:
		return fmt.Errorf("%w: %s", ErrNotMounted, dir)
	}
	return unmount(dir, 0, "-u")
}

// detach takes a mount out of the tree of folders at once, open files or not.
func detach(dir string) error { return unmount(dir, unix.MNT_DETACH, "-uz") }

// unmount asks the kernel, and where only root may, the helper.
func unmount(dir string, flags int, helperFlags string) error {
	err := unix.Unmount(dir, flags)
	helper := fusermount()
	if !errors.Is(err, syscall.EPERM) || helper == "" {
		if err != nil {
			return fmt.Errorf("fuse: unmount %s: %w", dir, err)
		}
		return nil
	}
	if out, err := exec.Command(helper, helperFlags, "--", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("fuse: unmount %s: %w: %s", dir, err, out)
	}
	return nil
}
