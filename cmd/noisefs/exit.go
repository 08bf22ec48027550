package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/noisefs/noisefs/cluster"
	"github.com/noisefs/noisefs/fuse"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
	"github.com/noisefs/noisefs/sim/plan"
)

// Exit codes. They are part of the interface: see 'noisefs help exit-codes'.
const (
	exitOK         = 0
	exitFailure    = 1  // anything without a code of its own
	exitUsage      = 2  // wrong arguments or settings
	exitNotFound   = 3  // no such path, link, block or repository
	exitExists     = 4  // the target is there already
	exitNoSpace    = 5  // full disk or quota
	exitCorrupt    = 6  // stored data does not prove what it claims
	exitLocked     = 7  // another process has the repository
	exitPassphrase = 8  // wrong or missing passphrase or key file
	exitReadOnly   = 9  // the disk or folder cannot be written
	exitNewer      = 10 // written by a newer version
	exitChanged    = 11 // a source changed while it was read
	exitViolated   = 12 // a simulation violated an invariant
	exitMissed     = 13 // a simulation missed an assertion of its scenario
	exitCanceled   = 130
)

const exitCodesHelp = `Exit codes:

  0    success
  1    any other failure
  2    wrong arguments or settings
  3    no such path, link, block or repository
  4    the target is there already
  5    no space left, or the quota is reached
  6    stored data is corrupt
  7    the repository is in use by another process
  8    wrong or missing passphrase or key file
  9    read-only disk or missing permission
  10   the repository was written by a newer version
  11   a file changed while it was read; nothing of it was stored
  12   a simulation violated an invariant
  13   a simulation missed an assertion of its scenario
  130  interrupted
`

// errUsage marks mistakes in what the user typed.
var errUsage = errors.New("usage")

// errChanged reports a source that changed while it was read.
var errChanged = errors.New("changed while it was read; nothing of it was stored")

// exitCode maps an error to the process's exit code: the one place that does.
func exitCode(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		return exitCanceled
	case isAny(err, errUsage, plan.ErrInvalid, plan.ErrOverride, cluster.ErrAddress,
		cluster.ErrSecret, cluster.ErrConfig, cluster.ErrInvite, cluster.ErrExpired,
		fuse.ErrOption, fuse.ErrMountPoint):
		return exitUsage
	case isAny(err, plan.ErrUnknown, fuse.ErrNotMounted):
		return exitNotFound
	case errors.Is(err, errViolated):
		return exitViolated
	case errors.Is(err, errMissed):
		return exitMissed
	case errors.Is(err, errChanged):
		return exitChanged
	case errors.Is(err, repo.ErrLocked):
		return exitLocked
	case errors.Is(err, repo.ErrNoRepository):
		return exitNotFound
	case errors.Is(err, repo.ErrExists), errors.Is(err, repo.ErrNotEmpty):
		return exitExists
	case errors.Is(err, repo.ErrNewer), errors.Is(err, port.ErrRepoNewer),
		errors.Is(err, port.ErrIndexNewer), errors.Is(err, vault.ErrNewer):
		return exitNewer
	case isAny(err, repo.ErrBroken, vault.ErrCorrupt, vault.ErrNoVault, vault.ErrCost,
		port.ErrIndexCorrupt, port.ErrBlockCorrupt):
		return exitCorrupt
	case isAny(err, vault.ErrWrongPassphrase, vault.ErrWrongKeyFile, vault.ErrKeyFile,
		vault.ErrPassphrase, vault.ErrMismatch, vault.ErrCredentials, errNoPassphrase):
		return exitPassphrase
	case isAny(err, port.ErrDiskFull, port.ErrIndexFull, syscall.ENOSPC, syscall.EDQUOT):
		return exitNoSpace
	}
	var coded *messages.Error
	if errors.As(err, &coded) {
		return exitOfCode(coded.Code)
	}
	return exitOfSystem(err)
}

func exitOfCode(code messages.Code) int {
	switch code {
	case messages.CodeNotFound:
		return exitNotFound
	case messages.CodeExists, messages.CodeNotEmpty:
		return exitExists
	case messages.CodeInvalid, messages.CodeNotDirectory, messages.CodeIsDirectory:
		return exitUsage
	case messages.CodeCorrupt:
		return exitCorrupt
	case messages.CodeNoSpace, messages.CodeQuota:
		return exitNoSpace
	case messages.CodeReadOnly:
		return exitReadOnly
	case messages.CodeCanceled:
		return exitCanceled
	}
	return exitFailure
}

func exitOfSystem(err error) int {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return exitNotFound
	case errors.Is(err, fs.ErrExist):
		return exitExists
	case isAny(err, syscall.ENOTDIR, syscall.EISDIR):
		return exitUsage
	case isAny(err, fs.ErrPermission, syscall.EROFS, port.ErrDiskReadOnly, os.ErrPermission):
		return exitReadOnly
	}
	return exitFailure
}

func isAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
