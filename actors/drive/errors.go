package drive

import (
	"errors"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
)

// Errors inside this package; what leaves it is a [messages.Error].
var (
	// errMissing: a decision needs a row, node or window that is not in its
	// view yet. The view has noted what.
	errMissing = errors.New("drive: more must be read first")
	// errRow: a row of the index that this package never wrote.
	errRow = errors.New("drive: a bad row in the index")
)

// The errors of names. Their texts name nothing: whoever asked knows the
// path, and nobody else should.
func errNotFound() *messages.Error {
	return messages.Errorf(messages.CodeNotFound, "no such file or directory")
}

func errNotDirectory() *messages.Error {
	return messages.Errorf(messages.CodeNotDirectory, "not a directory")
}

func errExists() *messages.Error {
	return messages.Errorf(messages.CodeExists, "already exists")
}

func invalid(err error) *messages.Error {
	return &messages.Error{Code: messages.CodeInvalid, Err: err}
}

func corrupt(err error) *messages.Error {
	return &messages.Error{Code: messages.CodeCorrupt, Err: err}
}

// overloaded is the refusal of what would pass a bound.
func overloaded(what string) *messages.Error {
	return messages.Errorf(messages.CodeOverload, "too many %s at one time", what)
}

// asError maps any error of the decisions to what a reply carries.
func asError(err error) *messages.Error {
	var e *messages.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, errRow):
		return corrupt(err)
	case errors.Is(err, format.ErrTooLarge), errors.Is(err, format.ErrBadName),
		errors.Is(err, format.ErrOrder), errors.Is(err, format.ErrMalformed),
		errors.Is(err, format.ErrBadRef):
		return invalid(err)
	}
	return &messages.Error{Code: messages.CodeInternal, Err: err}
}

// indexError maps an error of the index.
func indexError(err error) *messages.Error {
	code := messages.CodeIO
	switch {
	case errors.Is(err, port.ErrIndexCorrupt):
		code = messages.CodeCorrupt
	case errors.Is(err, port.ErrIndexFull):
		code = messages.CodeNoSpace
	case errors.Is(err, port.ErrDiskReadOnly):
		code = messages.CodeReadOnly
	case errors.Is(err, port.ErrBadTxn):
		code = messages.CodeInternal
	}
	return &messages.Error{Code: code, Text: "the index failed", Err: err}
}

// notHad says of a directory whose blocks are not stored that it cannot be
// read. CodeNotFound would say that it does not have the name.
func notHad(err error) error {
	if !isCode(err, messages.CodeNotFound) {
		return err
	}
	return &messages.Error{Code: messages.CodeUnavailable, Err: err}
}

// isCode reports whether err is a reply's error with that code.
func isCode(err error, code messages.Code) bool {
	var e *messages.Error
	return errors.As(err, &e) && e.Code == code
}
