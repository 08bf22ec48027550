package store

import (
	"errors"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// failure turns an error of the ports Blocks and Index into what callers understand.
// It is the one place where that is decided.
func failure(doing string, err error) *messages.Error {
	return &messages.Error{Code: codeOf(err), Text: doing, Err: err}
}

func codeOf(err error) messages.Code {
	for _, known := range []struct {
		err  error
		code messages.Code
	}{
		// An engine that failed earlier may wrap why: a full disk counts for
		// more than the state it left behind.
		{port.ErrDiskFull, messages.CodeNoSpace},
		{port.ErrDiskReadOnly, messages.CodeReadOnly},
		{port.ErrBlockNotFound, messages.CodeNotFound},
		{port.ErrBlockCorrupt, messages.CodeCorrupt},
		{port.ErrBlockSize, messages.CodeInvalid},
		{port.ErrEngineClosed, messages.CodeRestarted},
		{port.ErrEngineFailed, messages.CodeIO},
		{port.ErrRepoNewer, messages.CodeInvalid},
		{port.ErrDiskIO, messages.CodeIO},
		{port.ErrIndexFull, messages.CodeNoSpace},
		{port.ErrIndexCorrupt, messages.CodeCorrupt},
		{port.ErrIndexClosed, messages.CodeRestarted},
		{port.ErrBadTxn, messages.CodeInternal},
		{errRow, messages.CodeCorrupt},
	} {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	return messages.CodeIO
}
