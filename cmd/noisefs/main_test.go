package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// TestMain makes the test binary stand in for the program: started as
// "noisefs" it is noisefs. While the tests run, both names are on the PATH.
func TestMain(m *testing.M) {
	testscript.Main(tidyRun{m}, map[string]func(){
		"noisefs": main,
		"meek":    meek,
		"toiler":  toil,
	})
}

// tidyRun runs the tests and fails if they leave goroutines or temporary
// files behind.
type tidyRun struct{ *testing.M }

func (r tidyRun) Run() int {
	temp, err := os.MkdirTemp("", "noisefs-test-")
	if err == nil {
		err = os.Setenv("TMPDIR", temp)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := r.M.Run()
	left, err := filepath.Glob(filepath.Join(temp, "*"))
	if err == nil && len(left) > 0 && code == 0 {
		err = fmt.Errorf("the tests left behind: %q", left)
	}
	if code == 0 {
		err = errors.Join(err, goleak.Find())
	}
	err = errors.Join(err, os.RemoveAll(temp))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// meek is noisefs with the rights of an ordinary user even when root runs
// the tests: root would read and write whatever the modes of files say. It
// gives up the capabilities that allow it, which holds across exec, and
// becomes noisefs.
func meek() {
	runtime.LockOSThread() // capabilities belong to threads
	if os.Geteuid() == 0 {
		for _, capability := range []uintptr{
			unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH, unix.CAP_FOWNER,
		} {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil {
				fmt.Fprintln(os.Stderr, "meek:", err)
				os.Exit(125)
			}
		}
	}
	self, err := os.Executable()
	if err == nil {
		err = syscall.Exec(self, append([]string{"noisefs"}, os.Args[1:]...), os.Environ())
	}
	fmt.Fprintln(os.Stderr, "meek:", err)
	os.Exit(125)
}
